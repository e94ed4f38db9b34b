"""Which slot does which work (spec/03 §8), for test/vectors/turns.json: python3 tools/vectors/turns.py > test/vectors/turns.json"""
import hashlib
import json

TURNS = [
    (1, "0x" + "00" * 20, 1, 1, 179),
    (23874233, "0xcdb1a0a3d1b6b1b8b2e2c1c1b2a5f1a3c4d5e6f7", 4711, 93, 179),
    (2**53 - 2, "0x" + "ff" * 20, 10000, 4000, 7),
    (5, "0x" + "12" * 20, 3, 1, 1),
]
DRAWS = [("ab" * 32, 7, 5, 179), ("00" * 31 + "01", 123456, 1500, 40), ("ff" * 32, 2**40, 1, 3)]


def number(seed, value):
    return int.from_bytes(hashlib.sha256(seed + value.to_bytes(8, "big")).digest(), "big")


def draw(block_hash, epoch, total, pools):
    seed = hashlib.sha256(bytes.fromhex(block_hash) + epoch.to_bytes(8, "big")).digest()
    slots = list(range(1, total + 1))
    count = min(1000, total)
    for i in range(count):
        j = i + number(seed, i) % (total - i)
        slots[i], slots[j] = slots[j], slots[i]
    drawn = slots[:count]
    return {
        "endBlockHash": "0x" + block_hash,
        "epochId": epoch,
        "slots": total,
        "count": pools,
        "length": count,
        "first": drawn[:10],
        "sha256": hashlib.sha256(json.dumps(drawn, separators=(",", ":")).encode()).hexdigest(),
        "places": [number(seed, slot) % pools for slot in drawn[:10]],
    }


def turn(epoch, signer, slot, day, count):
    place = (epoch + int(signer, 16) + slot + day) % count
    return {"epochId": epoch, "signer": signer, "slotId": slot, "day": day, "count": count, "place": place}


print(json.dumps({"turns": [turn(*each) for each in TURNS], "draws": [draw(*each) for each in DRAWS]}, indent=1))
