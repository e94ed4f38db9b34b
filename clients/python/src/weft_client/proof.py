"""Checks a proof of docs/PROOF.md, link by link, down to the hash of one block. It asks nobody anything."""

import base64
import hashlib
import re
from dataclasses import dataclass

from .cid import digest_of, is_unicode, snapshot_cid_of
from .keccak import keccak256
from .market import DESK_HASH, Market
from .state import State, Unproved, decode_rlp

STEPS = ("form", "asked", "block", "contract", "epoch", "manifest", "batch", "project", "cids_root", "final", "attested", "cid")
# Fields of a header.
_STATE_ROOT, _NUMBER = 3, 8
_HEIGHT = 32
_HEADER_BYTES_MAX = 16 * 1024
_NODE_BYTES_MAX = 1_024
_NODES_MAX = 1_024
_CODE_BYTES_MAX = 24_576
_CID_LENGTH_MAX = 128
_SNAPSHOT_LENGTH_MAX = -(-16 * 1024 * 1024 // 3) * 4
_SAFE_INTEGER_MAX = 2**53 - 1
_ENTRY_BYTES = 36


@dataclass(frozen=True)
class Trust:
    """What the caller knows without the proof: the hash of a block, the market that is meant, and what was asked for."""

    block_hash: str
    data_market: str
    anchor_chain_id: "int | None" = None
    project_id: "str | None" = None
    epoch_id: "int | None" = None


@dataclass(frozen=True)
class Link:
    step: str
    ok: bool
    detail: str
    data: "bytes | None" = None


class _Wrong(Exception):
    pass


def block_number_of(proof):
    """Of the block that the proof is about, by its own word: whose hash is asked for. `None` where it holds no header."""
    header = proof.get("header") if isinstance(proof, dict) else None
    if not _is_hex(header, _HEADER_BYTES_MAX):
        return None
    fields = decode_rlp(bytes.fromhex(header[2:]))
    number = fields[_NUMBER] if isinstance(fields, list) and len(fields) > _NUMBER else None
    return int.from_bytes(number, "big") if isinstance(number, bytes) and len(number) <= 6 else None


def check_proof(proof, trust):
    """Yields one `Link` a step, and ends after the first that fails: data are proved when the last, `cid`, holds, which has them."""
    try:
        _form(proof)
    except _Wrong as wrong:
        yield Link("form", False, str(wrong))
        return
    yield Link("form", True, f"version 1, {len(proof['nodes'])} nodes")
    check = _Check(proof, trust)
    for step in STEPS[1:]:
        try:
            found = getattr(check, step)()
        except (_Wrong, Unproved) as wrong:
            yield Link(step, False, str(wrong))
            return
        yield Link(step, True, *(found if isinstance(found, tuple) else (found,)))


# --- the form --------------------------------------------------------------------------------------------------------


def _is_hex(text, bytes_max):
    return isinstance(text, str) and len(text) <= 2 + 2 * bytes_max and re.fullmatch(r"0x(?:[0-9a-f]{2})*", text) is not None


def _is_address(text):
    return isinstance(text, str) and re.fullmatch(r"0x[0-9a-f]{40}", text) is not None


def _is_int(value, least, most=_SAFE_INTEGER_MAX):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_text(text):
    return is_unicode(text) and 1 <= len(text) <= _CID_LENGTH_MAX


def _is_project_id(text):
    if not isinstance(text, str) or len(text) > 256 or re.fullmatch(r"[\x21-\x7e]+", text) is None:
        return False
    parts = text.split(":")
    return len(parts) >= 2 and all(parts)


def _is_siblings(value):
    return isinstance(value, list) and len(value) == _HEIGHT and all(isinstance(each, str) and re.fullmatch(r"[0-9a-f]{64}", each) for each in value)


def _is_manifest(value):
    return value is None or (isinstance(value, dict) and set(value) == {"cid", "fromEpochId"} and _is_text(value["cid"]) and _is_int(value["fromEpochId"], 0))


_FORM = {
    "format": lambda value: value == "weft-proof",
    "version": lambda value: _is_int(value, 1, 1),
    "anchorChainId": lambda value: _is_int(value, 1),
    "protocolState": _is_address,
    "dataMarket": _is_address,
    "projectId": _is_project_id,
    "epochId": lambda value: _is_int(value, 0),
    "manifest": _is_manifest,
    "batchNumber": lambda value: _is_int(value, 1, 65_535),
    "batchCid": _is_text,
    "snapshotCid": _is_text,
    "index": lambda value: _is_int(value, 0),
    "cidSiblings": _is_siblings,
    "projectSiblings": lambda value: value is None or _is_siblings(value),
    "header": lambda value: _is_hex(value, _HEADER_BYTES_MAX),
    "nodes": lambda value: isinstance(value, list) and len(value) <= _NODES_MAX and all(_is_hex(each, _NODE_BYTES_MAX) for each in value),
    "record": lambda value: _is_hex(value, _CODE_BYTES_MAX),
    "snapshot": lambda value: isinstance(value, str) and len(value) <= _SNAPSHOT_LENGTH_MAX,
}


def _form(proof):
    if not isinstance(proof, dict):
        raise _Wrong("it is no JSON object")
    wrong = [name for name, is_right in _FORM.items() if name not in proof or not is_right(proof[name])]
    if wrong or set(proof) != set(_FORM):
        raise _Wrong(f"not of the form: {', '.join(wrong) or ', '.join(sorted(set(proof) - set(_FORM)))}")


# --- the links -------------------------------------------------------------------------------------------------------


def _word_of(cid):
    """A CID as a market keeps it: its kind, and 32 bytes."""
    return digest_of(cid) or (4, keccak256(cid.encode()))


def _root_over(text, index, siblings):
    """The published root of the tree in which the text stands at that place."""
    if index >= 2**_HEIGHT:
        return None
    node = hashlib.sha256(text.encode()).digest()
    for sibling in map(bytes.fromhex, siblings):
        node = hashlib.sha256(node + sibling if index % 2 == 0 else sibling + node).digest()
        index //= 2
    return keccak256(node)


class _Check:
    """Each link by itself; each may rest on the ones before."""

    def __init__(self, proof, trust):
        self.proof = proof
        self.trust = trust
        header = decode_rlp(bytes.fromhex(proof["header"][2:]))
        root = header[_STATE_ROOT] if isinstance(header, list) and len(header) > _NUMBER else None
        self.root = root if isinstance(root, bytes) else None
        self.state = State(self.root or b"", [bytes.fromhex(node[2:]) for node in proof["nodes"]])
        self.market = Market(proof["dataMarket"], self.state)
        self.code = bytes.fromhex(proof["record"][2:])

    def asked(self):
        wanted = {
            "dataMarket": self.trust.data_market.lower(),
            "anchorChainId": self.trust.anchor_chain_id,
            "projectId": self.trust.project_id,
            "epochId": self.trust.epoch_id,
        }
        for name, value in wanted.items():
            if value is not None and self.proof[name] != value:
                raise _Wrong(f"{name} is {self.proof[name]}, not {value}")
        return f"{self.proof['projectId']}, epoch {self.proof['epochId']}"

    def block(self):
        found = "0x" + keccak256(bytes.fromhex(self.proof["header"][2:])).hex()
        if found != self.trust.block_hash.lower():
            raise _Wrong(f"the header hashes to {found}, and the block that is trusted is {self.trust.block_hash}")
        if self.root is None:
            raise _Wrong("what hashes to it is no header")
        return f"{block_number_of(self.proof)}, {found}"

    def contract(self):
        if self.state.code_hash(self.proof["dataMarket"]) is None:
            raise _Wrong(f"there is no contract at {self.proof['dataMarket']}")
        implementation, protocol_state, desk = self.market.head()
        if self.state.code_hash(desk) != DESK_HASH:
            raise _Wrong(f"its state is not laid out as it is known here: the code of its desk {desk} is another")
        if protocol_state != self.proof["protocolState"]:
            raise _Wrong(f"its protocol state is {protocol_state}, not {self.proof['protocolState']}")
        return f"implementation {implementation}, of protocol state {protocol_state}"

    def epoch(self):
        found = self.market.epoch(self.proof["epochId"])
        if found["releasedAt"] == 0:
            raise _Wrong(f"epoch {self.proof['epochId']} is not released")
        if self.proof["batchNumber"] > found["batches"]:
            raise _Wrong(f"it has {found['batches']} batches, and no batch {self.proof['batchNumber']}")
        return f"released in block {found['releaseBlock']}"

    def manifest(self):
        found = self.market.manifest_at(self.proof["epochId"])
        if found != self.proof["manifest"]:
            raise _Wrong(f"the manifest is {found}, not {self.proof['manifest']}")
        return str(found)

    def _batch(self):
        return self.market.batch(self.proof["epochId"], self.proof["batchNumber"])

    def _entry(self, position):
        """Number of the project, and kind and word of its CID, as the record lists them. What follows the last is shorter than one."""
        entries = self.code[1 + 64 :]
        at = entries[position * _ENTRY_BYTES : (position + 1) * _ENTRY_BYTES]
        if len(at) < _ENTRY_BYTES:
            return None
        head = int.from_bytes(at[:4], "big")
        return head & (1 << 29) - 1, (head >> 29, at[4:])

    def batch(self):
        found = self._batch()
        if int(found["blob"], 16) == 0:
            raise _Wrong(f"the epoch has no batch {self.proof['batchNumber']}")
        if keccak256(self.code) != self.state.code_hash(found["blob"]):
            raise _Wrong("the record is not that of the batch")
        if self.code[:1] != b"\0" or len(self.code) < 1 + 64 + 32:
            raise _Wrong("what the chain has of it is no batch")
        if _word_of(self.proof["batchCid"]) != (found["cidKind"], self.code[33:65]):
            raise _Wrong(f"batch {self.proof['batchNumber']} has another CID than {self.proof['batchCid']}")
        return f"{self.proof['batchCid']}, anchored by {'its roots' if found['isRootOnly'] else 'projects'}"

    def project(self):
        proof, position = self.proof, self.proof["index"]
        number = self.market.project_index(proof["projectId"])
        entry = None if number == 0 else self.market.entry(proof["epochId"], number)
        siblings = proof["projectSiblings"]
        if self._batch()["isRootOnly"]:
            if entry is not None:
                raise _Wrong(f"the chain itself names the project, in batch {entry[0]}")
            if siblings is None or _root_over(proof["projectId"], position, siblings) != self.code[65:97]:
                raise _Wrong("`projectSiblings` do not lead from it to the root over the projects")
            return f"place {position} under the root over the projects"
        if entry is None:
            raise _Wrong("the chain names no batch of the epoch for it")
        listed = self._entry(position)
        if entry != (proof["batchNumber"], position) or listed is None or listed[0] != number:
            raise _Wrong(f"it is at place {entry[1]} of batch {entry[0]}")
        if siblings is not None:
            raise _Wrong("`projectSiblings` are of batches that are anchored by their roots")
        return f"place {position}, by the market's own list"

    def cids_root(self):
        proof, position = self.proof, self.proof["index"]
        if not self._batch()["isRootOnly"]:
            listed = self._entry(position)
            if listed is None or listed[1] != _word_of(proof["snapshotCid"]):
                raise _Wrong(f"the batch has another CID there than {proof['snapshotCid']}")
        if _root_over(proof["snapshotCid"], position, proof["cidSiblings"]) != self.code[1:33]:
            raise _Wrong(f"`cidSiblings` do not lead from {proof['snapshotCid']} to the root over the CIDs")
        return f"{proof['snapshotCid']} under 0x{self.code[1:33].hex()}"

    def final(self):
        if not self._batch()["isFinal"]:
            raise _Wrong("the batch is not final")
        return "the batch is final"

    def attested(self):
        validators, least = self.market.voters()
        agreeing, needed = self._batch()["agreeing"], max(validators // 2 + 1 if validators else 0, least)
        told = f"{agreeing} of {validators} validators, {needed} needed"
        if agreeing < needed:
            raise _Wrong(told)
        return told

    def cid(self):
        try:
            data = base64.b64decode(self.proof["snapshot"], validate=True)
        except ValueError:
            raise _Wrong("`snapshot` is no base64") from None
        found = snapshot_cid_of(data)
        if found != self.proof["snapshotCid"]:
            raise _Wrong(f"the data hash to {found}, not to {self.proof['snapshotCid']}")
        return f"{len(data)} bytes hash to {found}", data
