"""Writes CID vectors by an own reading of the UnixFS and dag-pb specifications: python3 tools/vectors/cid.py > test/vectors/cid.json

Byte i of a content is i % 251. The tree is Kubo's default: chunks of 262144 bytes, raw leaves, balanced, 174 links per node.
"""
import base64
import hashlib
import json

CHUNK = 262_144
WIDTH = 174
RAW, DAG_PB = 0x55, 0x70
LENGTHS = [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK, WIDTH * CHUNK, WIDTH * CHUNK + 1]
TEXTS = ["{}", '{"a":1,"b":5.0}', '{"price":1e-05,"s":"\\u00e9"}']


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def number_field(number, value):
    return varint(number << 3) + varint(value)


def cid_of(codec, block):
    return bytes([1, codec, 0x12, 0x20]) + hashlib.sha256(block).digest()


def text_of(cid):
    return "b" + base64.b32encode(cid).decode().lower().rstrip("=")


def node(children):
    """A dag-pb node over (cid, bytes of the file below, bytes of the whole tree below)."""
    links = b"".join(field(2, field(1, cid) + field(2, b"") + number_field(3, tree)) for cid, _, tree in children)
    size = sum(child[1] for child in children)
    unixfs = number_field(1, 2) + number_field(3, size) + b"".join(number_field(4, child[1]) for child in children)
    block = links + field(1, unixfs)
    return cid_of(DAG_PB, block), size, len(block) + sum(child[2] for child in children)


def file_cid(content):
    chunks = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)] or [b""]
    level = [(cid_of(RAW, chunk), len(chunk), len(chunk)) for chunk in chunks]
    while len(level) > 1:
        level = [node(level[at : at + WIDTH]) for at in range(0, len(level), WIDTH)]
    return text_of(level[0][0])


def counted(length):
    return (bytes(range(251)) * (length // 251 + 1))[:length]


print(json.dumps({"lengths": [[length, file_cid(counted(length))] for length in LENGTHS], "texts": [[text, file_cid(text.encode())] for text in TEXTS]}, indent=1))
