"""What contracts hold as of one block, as far as nodes of its tries prove it (yellow paper, appendices B to D)."""

from .keccak import keccak256

EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
# Lists within lists: a node of a trie has two, and a stranger's bytes must not fill the stack.
_DEPTH_MAX = 16


class Unproved(Exception):
    """What was looked for is not proved; the text says what, and why."""


def decode_rlp(data):
    """Bytes, or a list of such; `None` for what is no RLP of one item, or not its only one. Each item has one form."""
    try:
        item, end = _read(data, 0, 0)
    except (ValueError, IndexError):
        return None
    return item if end == len(data) else None


def _read(data, start, depth):
    first = data[start]
    if depth > _DEPTH_MAX:
        raise ValueError
    if first < 0x80:
        return data[start : start + 1], start + 1
    begin, end = _body(data, start, first - (0xC0 if first >= 0xC0 else 0x80))
    if first >= 0xC0:
        items = []
        while begin < end:
            item, begin = _read(data, begin, depth + 1)
            items.append(item)
        if begin != end:
            raise ValueError
        return items, end
    # One byte below 0x80 is itself.
    if end - begin == 1 and data[begin] < 0x80:
        raise ValueError
    return data[begin:end], end


def _body(data, start, told):
    begin, length = start + 1, told
    if told > 55:
        begin = start + 1 + told - 55
        digits = data[start + 1 : begin]
        length = int.from_bytes(digits, "big")
        # More than 4 bytes of length are more than anybody has; a shorter way of telling it is the only one.
        if len(digits) != told - 55 or len(digits) > 4 or digits[0] == 0 or length <= 55:
            raise ValueError
    if begin + length > len(data):
        raise ValueError
    return begin, begin + length


def trie_value(root, key, nodes):
    """The value under the hash of `key`; `None` where the trie has none, which is proved as well. Raises `Unproved`. `nodes`: by their hashes."""
    if root == EMPTY_ROOT:
        return None
    path = [half for byte in keccak256(key) for half in (byte >> 4, byte & 15)]
    at = root
    node = _node_at(at, nodes)
    # Each turn takes at least one half byte of the path, so that no nodes can lead round in a circle.
    while isinstance(node, list):
        step = _step(node, path)
        if step is None:
            break
        child, taken, is_value = step
        if is_value:
            return child
        path = path[taken:]
        if isinstance(child, bytes):
            at = child
            node = _node_at(at, nodes)
        else:
            node = child
    raise Unproved(f"there is no node with hash 0x{at.hex()}")


def _node_at(at, nodes):
    data = nodes.get(at)
    return None if data is None else decode_rlp(data)


def _step(node, path):
    """What one node says of the rest of a path: a value, or the node below and how much of the path leads there; `None` of what is no node."""
    if len(node) == 17:
        # Keys are of one length here: a branch where one ends is no node.
        return _below(node[path[0]], 1) if path else None
    if len(node) != 2 or not isinstance(node[0], bytes):
        return None
    packed, rest = node
    if len(packed) == 0 or packed[0] >> 4 > 3 or (not packed[0] & 0x10 and packed[0] & 15):
        return None
    digits = [half for byte in packed for half in (byte >> 4, byte & 15)][1 if packed[0] & 0x10 else 2 :]
    is_on_way = path[: len(digits)] == digits
    if packed[0] & 0x20:
        if not isinstance(rest, bytes):
            return None
        return (rest if is_on_way and len(digits) == len(path) else None), 0, True
    if not digits:
        return None
    return _below(rest, len(digits)) if is_on_way else (None, 0, True)


def _below(child, taken):
    if isinstance(child, list):
        return child, taken, False
    if len(child) == 0:
        return None, 0, True
    return (child, taken, False) if len(child) == 32 else None


class State:
    """The state under a root. Methods raise `Unproved`."""

    def __init__(self, root, nodes):
        self._root = root
        self._nodes = {keccak256(node): node for node in nodes}
        self._accounts = {}

    def code_hash(self, address):
        """keccak256 of its code; `None` of an account that is not there."""
        account = self._account(address)
        return None if account is None else account[1]

    def word(self, address, slot):
        """One slot of its storage: 0 of what was never written."""
        account = self._account(address)
        if account is None:
            return 0
        value = self._value(account[0], slot.to_bytes(32, "big"), f"slot {slot:#x} of {address}")
        if value is None:
            return 0
        word = decode_rlp(value)
        if not isinstance(word, bytes) or len(word) > 32:
            raise Unproved(f"slot {slot:#x} of {address} is not proved: it holds no word")
        return int.from_bytes(word, "big")

    def _account(self, address):
        if address not in self._accounts:
            value = self._value(self._root, bytes.fromhex(address[2:]), f"account {address}")
            fields = None if value is None else decode_rlp(value)
            if value is not None and not (isinstance(fields, list) and len(fields) == 4 and all(isinstance(each, bytes) for each in fields)):
                raise Unproved(f"account {address} is not proved: it does not have the form of one")
            self._accounts[address] = None if fields is None else (fields[2], fields[3])
        return self._accounts[address]

    def _value(self, root, key, what):
        try:
            return trie_value(root, key, self._nodes)
        except Unproved as failure:
            raise Unproved(f"{what} is not proved: {failure}") from failure
