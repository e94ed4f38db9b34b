"""Writes project id vectors with CPython's hashlib: python3 tools/vectors/project-id.py > test/vectors/project-id.json"""
import hashlib
import json

PAIRS = [
    "0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc",
    "0x0d4a11d5EEaaC28EC3F61d100daF4d40471f1852",
    "0xA478c2975Ab1Ea89e8196811F51A7B7Ade33eB11",
    "0xd3d2E2692501A5c9Ca623199D38826e513033a17",
    "0xAE461cA67B15dc8dc81CE7615e0320dA1A9aB8D5",
]


def multi(kind, ids, namespace):
    return f"{kind}:{hashlib.sha3_256(''.join(sorted(ids)).encode()).hexdigest()}:{namespace}"


bases = [f"{kind}:{pair.lower()}:UNISWAPV2" for pair in PAIRS for kind in ("pairContract_trade_volume", "pairContract_pair_total_reserves")]
print(json.dumps({"multi": [
    {"type": "aggregate_24h_top_pairs", "baseProjectIds": bases, "namespace": "UNISWAPV2", "id": multi("aggregate_24h_top_pairs", bases, "UNISWAPV2")},
    {"type": "t", "baseProjectIds": [], "namespace": "N", "id": multi("t", [], "N")},
    {"type": "eth:top", "baseProjectIds": ["b:x:N", "a:y:N", "B:z:N"], "namespace": "mainnet-N-ETH", "id": multi("eth:top", ["b:x:N", "a:y:N", "B:z:N"], "mainnet-N-ETH")},
]}, indent=1))
