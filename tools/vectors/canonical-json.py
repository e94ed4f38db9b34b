"""Writes test cases for canonical JSON as CPython sees them: python3 tools/vectors/canonical-json.py [seed] > test/vectors/canonical-json.json

A value is given in a tagged form that no JSON parser can blur: ["i", decimal], ["f", hex of the IEEE double], ["s", text],
["a", items], ["o", [[key, item], ...]], null, true, false. `text` is what json.dumps makes of it.
"""
import json
import random
import struct
import sys

DEFAULT_SEED = 20261121
RANDOM_CASES = 400

KEYS = ["a", "b", "B", "_", "", "10", "9", "é", "z\u0301", "\u007f", "\ue000", "\uffff", "\U00010000", "\U0010ffff", "\ud800", "__proto__", "block100", "block99", "\"", "\\"]
TEXTS = ["", "/", "\"", "\\", "\b\f\n\r\t", "\u0000\u001f", "\u007f", "\u0080é", "\u2028\u2029", "😀", "\ud83d", "\ude00", "\ufeff", "0xAbC", "NaN", "\\u0041"]
FLOATS = [0.0, -0.0, 5.0, 1.0, -1.5, 0.1, 1e-4, 9.999999999999999e-05, 1e-5, 1.25e-7, 1e15, 1e16, 9999999999999998.0, 12345678901234567890.0, 1.2345678901234568e17,
          1e20, 1e21, 1e22, 1e100, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 2.0**53, 2.0**53 + 2, float("nan"), float("inf"), float("-inf"), 1 / 3, 2 / 3e10]
INTS = [0, 1, -1, 5, 10**15, 2**53, 2**53 + 1, -(2**63), 2**64, 2**256 - 1, 10**100, -(10**999)]


def bits(value):
    return struct.pack(">d", value).hex()


def random_float(rng):
    kind = rng.randrange(4)
    if kind == 0:
        return struct.unpack(">d", rng.getrandbits(64).to_bytes(8, "big"))[0]
    if kind == 1:
        return rng.uniform(-1, 1) * 10.0 ** rng.randint(-8, 24)
    if kind == 2:
        return float(rng.randint(-(10**18), 10**18))
    return round(rng.uniform(0, 1e6), rng.randint(0, 8))


def random_text(rng):
    points = [rng.choice([rng.randrange(0x80), rng.randrange(0x100, 0xD800), rng.randrange(0xE000, 0x10000), rng.randrange(0x10000, 0x110000)]) for _ in range(rng.randrange(8))]
    return "".join(map(chr, points))


def random_value(rng, depth):
    kind = rng.randrange(7 if depth > 0 else 5)
    if kind == 0:
        return rng.choice([None, True, False])
    if kind == 1:
        return rng.choice(INTS) if rng.random() < 0.2 else rng.randint(-(2**rng.randrange(1, 300)), 2**rng.randrange(1, 300))
    if kind in (2, 3):
        return rng.choice(FLOATS) if rng.random() < 0.2 else random_float(rng)
    if kind == 4:
        return rng.choice(TEXTS) if rng.random() < 0.5 else random_text(rng)
    if kind == 5:
        return [random_value(rng, depth - 1) for _ in range(rng.randrange(5))]
    return {(rng.choice(KEYS) if rng.random() < 0.6 else random_text(rng)): random_value(rng, depth - 1) for _ in range(rng.randrange(7))}


def tagged(value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return ["i", str(value)]
    if isinstance(value, float):
        return ["f", bits(value)]
    if isinstance(value, str):
        return ["s", value]
    if isinstance(value, list):
        return ["a", [tagged(item) for item in value]]
    return ["o", [[key, tagged(item)] for key, item in value.items()]]


def case(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return json.dumps({"value": tagged(value), "text": text}, separators=(",", ":"))


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_SEED
    rng = random.Random(seed)
    values = [None, True, False, [], {}, *FLOATS, *INTS, *TEXTS, {key: index for index, key in enumerate(KEYS)}, {"a": 1, "b": 5.0}, {"price": 1e-05, "s": "é"}]
    values += [random_value(rng, 3) for _ in range(RANDOM_CASES)]
    print("[\n" + ",\n".join(map(case, values)) + "\n]")


main()
