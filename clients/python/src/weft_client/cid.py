"""Content ids: computed as `ipfs add --cid-version=1` does."""

import base64
import hashlib
import re

# Kubo's chunk: a file up to this size is one raw block, a larger one a UnixFS tree of such blocks.
CHUNK_BYTES = 262_144
# Kubo's width of a balanced tree: links of one node.
LINKS_PER_NODE = 174

_RAW = bytes([0x01, 0x55, 0x12, 0x20])
_DAG_PB = bytes([0x01, 0x70, 0x12, 0x20])
_CID_V0 = bytes([0x12, 0x20])
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def snapshot_cid_of(data):
    """The CIDv1 under which IPFS stores these bytes as a file."""
    chunks = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)] or [b""]
    # Of each: its CID, the bytes of the file below it, and the bytes of its blocks.
    level = [(_RAW + hashlib.sha256(chunk).digest(), len(chunk), len(chunk)) for chunk in chunks]
    while len(level) > 1:
        level = [_node(level[at : at + LINKS_PER_NODE]) for at in range(0, len(level), LINKS_PER_NODE)]
    return text_of(level[0][0])


def is_unicode(text):
    """Whether it is a text that has bytes: JSON can spell halves of characters, which have none."""
    return isinstance(text, str) and re.search("[\ud800-\udfff]", text) is None


def text_of(cid):
    """CIDv1 in base32."""
    return "b" + base64.b32encode(cid).decode().lower().rstrip("=")


def _node(children):
    file_size = sum(size for _, size, _ in children)
    unixfs = b"\x08\x02\x18" + _varint(file_size) + b"".join(b"\x20" + _varint(size) for _, size, _ in children)
    links = b"".join(_field(2, _field(1, cid) + _field(2, b"") + b"\x18" + _varint(total)) for cid, _, total in children)
    block = links + _field(1, unixfs)
    return _DAG_PB + hashlib.sha256(block).digest(), file_size, len(block) + sum(total for _, _, total in children)


def _field(number, data):
    return bytes([number << 3 | 2]) + _varint(len(data)) + data


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def digest_of(text):
    """Kind and SHA-256 digest of a CID as a market keeps it; `None` for a text that is spelled otherwise than its CID, and for other hashes and codecs."""
    if len(text) == 59 and text.startswith("b"):
        try:
            cid = base64.b32decode(text[1:].upper() + "======")
        except ValueError:
            return None
        kind = {_RAW: 1, _DAG_PB: 2}.get(cid[:4])
        return (kind, cid[4:]) if kind is not None and text_of(cid) == text else None
    if len(text) == 46 and all(digit in _BASE58 for digit in text):
        number = 0
        for digit in text:
            number = number * 58 + _BASE58.index(digit)
        if number >> 272 == 0 and number.to_bytes(34, "big")[:2] == _CID_V0:
            return 3, number.to_bytes(34, "big")[2:]
    return None
