"""A data market as its storage has it, read word by word from a state that is proved. Where its words lie is generated from the contracts."""

import json
from pathlib import Path

from .keccak import keccak256
from .state import Unproved

_LAYOUT = json.loads(Path(__file__).with_name("market_places.json").read_text())
_PLACES = _LAYOUT["places"]
DESK_HASH = bytes.fromhex(_LAYOUT["deskHash"][2:])
_MANIFEST_SLOTS = _LAYOUT["manifestSlots"]

# Where a proxy names the code that it runs (ERC-1967).
_IMPLEMENTATION_SLOT = 0x360894A13BA1A3210667C828492DB98DCA3E2076CC3735A920A3CA505D382BBC
_CID_KIND, _FINAL, _ROOT_ONLY = 0x07, 0x08, 0x80
# Longest CID that the market takes.
_CID_LENGTH_MAX = 128


def _in(word, place):
    return word >> 8 * place["offset"] & (1 << 8 * place["bytes"]) - 1


def _address(value):
    return f"0x{value:040x}"


def _under(slot, key):
    """Where a mapping keeps the value of a key."""
    return int.from_bytes(keccak256(key.to_bytes(32, "big") + slot.to_bytes(32, "big")), "big")


def _elements(slot):
    """Where an array or a long text keeps its elements."""
    return int.from_bytes(keccak256(slot.to_bytes(32, "big")), "big")


class Market:
    """Methods raise `Unproved`."""

    def __init__(self, address, state):
        self._address = address
        self._state = state

    def _word(self, slot):
        return self._state.word(self._address, slot)

    def _read(self, name):
        place = _PLACES["market"][name]
        return _in(self._word(place["slot"]), place)

    def head(self):
        """The code that it runs, its protocol state, its desk."""
        implementation = self._word(_IMPLEMENTATION_SLOT) & (1 << 160) - 1
        return _address(implementation), _address(self._read("protocolState")), _address(self._read("desk"))

    def epoch(self, epoch_id):
        word = self._word(_under(_PLACES["market"]["epochs"]["slot"], epoch_id))
        return {name: _in(word, _PLACES["epoch"][name]) for name in ("releasedAt", "releaseBlock", "end", "batches")}

    def manifest_at(self, epoch_id):
        """That which the contract's `marketManifestAt` finds, by the same steps."""
        low, high = 0, self._read("manifests")
        while low < high:
            middle = (low + high + 1) // 2
            if self._from_epoch(middle - 1) <= epoch_id:
                low = middle
            else:
                high = middle - 1
        if low == 0:
            return None
        slot = self._manifest_slot(low - 1) + _PLACES["manifest"]["cid"]["slot"]
        return {"cid": self._text(slot), "fromEpochId": self._from_epoch(low - 1)}

    def _manifest_slot(self, index):
        return _elements(_PLACES["market"]["manifests"]["slot"]) + index * _MANIFEST_SLOTS

    def _from_epoch(self, index):
        place = _PLACES["manifest"]["fromEpoch"]
        return _in(self._word(self._manifest_slot(index) + place["slot"]), place)

    def _text(self, slot):
        head = self._word(slot)
        length = (head - 1) // 2 if head & 1 else (head & 0xFF) // 2
        if length > _CID_LENGTH_MAX:
            raise Unproved(f"a text of {length} bytes is not proved: no CID is so long")
        if not head & 1:
            return head.to_bytes(32, "big")[:length].decode(errors="replace")
        words = [self._word(_elements(slot) + index).to_bytes(32, "big") for index in range((length + 31) // 32)]
        return b"".join(words)[:length].decode(errors="replace")

    def batch(self, epoch_id, number):
        word = self._word(_under(_under(_PLACES["market"]["batches"]["slot"], epoch_id), number))
        flags = _in(word, _PLACES["batch"]["flags"])
        return {
            "blob": _address(_in(word, _PLACES["batch"]["blob"])),
            "cidKind": flags & _CID_KIND,
            "isFinal": bool(flags & _FINAL),
            "isRootOnly": bool(flags & _ROOT_ONLY),
            "agreeing": _in(word, _PLACES["batch"]["agreeing"]),
        }

    def project_index(self, project_id):
        """The number that the market knows the project by; 0 while no batch has named it on chain."""
        key = int.from_bytes(keccak256(project_id.encode()), "big")
        return _in(self._word(_under(_PLACES["market"]["projects"]["slot"], key)), _PLACES["project"]["index"])

    def entry(self, epoch_id, project_index):
        """Which batch speaks for the project in the epoch, and at which place in it; `None` where none names it on chain."""
        word = self._word(_under(_under(_PLACES["market"]["entries"]["slot"], epoch_id), project_index // 8))
        lane = word >> 32 * (project_index % 8) & 0xFFFFFFFF
        return None if lane == 0 else (lane >> 16, lane & 0xFFFF)

    def voters(self):
        """How many validators there are, and the fewest attestations."""
        slot = _PLACES["market"]["validators"]["slot"] + _PLACES["roleSet"]["members"]["slot"]
        return self._word(slot), self._read("minAttestations")
