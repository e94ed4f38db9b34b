"""Writes Uniswap V2 snapshots as Python computes them from a made-up chain: python3 tools/vectors/uniswap-v2.py > test/vectors/uniswap-v2.json

An own reading of spec/08 sections 3 to 5 in plain Python ints and floats, so that the TypeScript computes have something to agree with.
Integers stand as strings in `chain`; `snapshots` and `aggregates` hold the canonical text.
"""
import json
import math
import random

SEED = 20261121
BEGIN, END = 100, 104
BLOCKS = range(BEGIN, END + 1)
EPOCH_ID = 7
RNG = random.Random(SEED)

# name: address, decimals, symbol. Addresses chosen so that WETH is first in some pairs and last in others.
TOKENS = {
    "WETH": ("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", 18),
    "DAI": ("0x6b175474e89094c44da98b954eedeac495271d0f", 18),
    "USDC": ("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", 6),
    "USDT": ("0xdac17f958d2ee523a2206206994597c13d831ec7", 6),
    "WBTC": ("0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", 8),
    "UNI": ("0x1f9840a85d5af5bf1d1762f925bdaddc4201f984", 18),
    "LONE": ("0xfe00000000000000000000000000000000000001", 3),
    "LOST": ("0xff00000000000000000000000000000000000001", 0),
}
WHITELIST = ["WETH", "DAI", "USDC", "USDT"]
# UNI has too little WETH in block 102, so it is priced through DAI. LONE and LOST are paired with unlisted tokens only: no price.
PAIRS = {
    "0xa478c2975ab1ea89e8196811f51a7b7ade33eb11": ("DAI", "WETH", 9_000_000, 3_000),
    "0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc": ("USDC", "WETH", 12_000_000, 4_000),
    "0x0d4a11d5eeaac28ec3f61d100daf4d40471f1852": ("WETH", "USDT", 2_500, 7_500_000),
    "0xbb2b8038a1640196fbe3e38816f3e67cba72d940": ("WBTC", "WETH", 40, 800),
    "0xd3d2e2692501a5c9ca623199d38826e513033a17": ("UNI", "WETH", 500, 2),
    "0x00000000000000000000000000000000000d41f1": ("UNI", "DAI", 90_000, 1_100_000),
    "0x000000000000000000000000000000000010e001": ("UNI", "LONE", 5_000, 77),
    "0x000000000000000000000000000000000010e002": ("LONE", "LOST", 12, 34_000),
}
SOURCES = [
    "0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc",
    "0x00000000000000000000000000000000000D41F1",
    "0x000000000000000000000000000000000010e001",
    "0x000000000000000000000000000000000010e002",
    "0xbb2b8038a1640196fbe3e38816f3e67cba72d940",
]
ACCOUNTS = ["0x7a250d5630B4cF539739dF2C5dAcb4c659F2488D", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"]
CHECKSUMMED = {text.lower(): text for text in SOURCES + ACCOUNTS + ["0x00000000000000000000000000000000000D41f1", "0xBb2b8038a1640196FbE3e38816F3e67Cba72D940", "0x000000000000000000000000000000000010E001"]}


def make_chain():
    chain = {"timestamps": {}, "reserves": {}, "amountOut": {}, "logs": []}
    for block in BLOCKS:
        chain["timestamps"][block] = 1_700_000_000 + 12 * block
        for pair, (left, right, amount0, amount1) in PAIRS.items():
            drift = RNG.uniform(0.97, 1.03)
            reserve0 = int(amount0 * drift * 10 ** TOKENS[left][1]) + RNG.randrange(10 ** TOKENS[left][1])
            reserve1 = int(amount1 / drift * 10 ** TOKENS[right][1]) + RNG.randrange(10 ** TOKENS[right][1])
            if (left, right) == ("UNI", "WETH"):
                reserve1 = 6 * 10**17 if block == 102 else reserve1
            chain["reserves"][pair, block] = (reserve0, reserve1)
        for white in WHITELIST[1:]:
            pair = next(p for p, (a, b, *_) in PAIRS.items() if {a, b} == {white, "WETH"})
            reserves = chain["reserves"][pair, block]
            inside, outside = reserves if PAIRS[pair][0] == white else reserves[::-1]
            paid = 10 ** TOKENS[white][1] * 997
            chain["amountOut"][white, block] = paid * outside // (inside * 1000 + paid)
    for source in SOURCES:
        make_logs(chain, source.lower())
    return chain


def make_logs(chain, pair):
    transaction = 0
    for block in BLOCKS:
        index = 0
        for _ in range(RNG.randrange(4)):
            transaction += 1
            for name in RNG.choices(["Burn", "Mint", "Swap"], k=RNG.randrange(1, 4)):
                make_log(chain, pair, block, index, transaction, name)
                index += RNG.randrange(1, 5)


def make_log(chain, pair, block, index, transaction, name):
    raw = lambda side: RNG.randrange(10 ** TOKENS[PAIRS[pair][side]][1] * 3)
    if name == "Swap":
        side = RNG.randrange(2)
        args = {"amount0In": 0, "amount1In": 0, "amount0Out": 0, "amount1Out": 0}
        args[f"amount{side}In"], args[f"amount{1 - side}Out"] = raw(side), raw(1 - side)
        if RNG.random() < 0.3:
            args[f"amount{1 - side}In"] = raw(1 - side)
        if RNG.random() < 0.1:
            args = dict.fromkeys(args, 0)
    else:
        args = {"amount0": raw(0), "amount1": RNG.choice([0, raw(1)])}
        if RNG.random() < 0.1:
            args = dict.fromkeys(args, 0)
    args["sender"] = RNG.choice(ACCOUNTS)
    if name != "Mint":
        args["to"] = RNG.choice(ACCOUNTS)
    chain["logs"].append({"event": name, "args": args, "address": pair, "blockNumber": block, "logIndex": index, "transactionHash": f"0x{transaction:062x}{pair[-2:]}"})


def amount(raw, name):
    return raw / 10 ** TOKENS[name][1]


def eth_price(chain, block):
    sides = []
    for stable in ("DAI", "USDC", "USDT"):
        pair = next(p for p, (a, b, *_) in PAIRS.items() if {a, b} == {stable, "WETH"})
        values = dict(zip(PAIRS[pair][:2], chain["reserves"][pair, block]))
        sides.append((amount(values[stable], stable), amount(values["WETH"], "WETH")))
    total = sides[0][1] + sides[1][1] + sides[2][1]
    (dai, eth_d), (usdc, eth_c), (usdt, eth_t) = sides
    return (eth_d / total) * (dai / eth_d) + (eth_c / total) * (usdc / eth_c) + (eth_t / total) * (usdt / eth_t)


def token_prices(chain, name):
    eth = {block: eth_price(chain, block) for block in BLOCKS}
    if name == "WETH":
        return eth
    for white in WHITELIST:
        pair = next((p for p, (a, b, *_) in PAIRS.items() if {a, b} == {white, name}), None)
        if pair is None:
            continue
        found = {}
        for block in BLOCKS:
            values = dict(zip(PAIRS[pair][:2], chain["reserves"][pair, block]))
            white_reserve, token_reserve = amount(values[white], white), amount(values[name], name)
            derived = 1 if white == "WETH" else chain["amountOut"][white, block] / 10**18
            if white_reserve * derived < 1:
                break
            found[block] = white_reserve / token_reserve * derived
        else:
            return {block: found[block] * eth[block] for block in BLOCKS}
    return {block: 0.0 for block in BLOCKS}


def head(chain, source):
    return {"contract": source, "chainHeightRange": {"begin": BEGIN, "end": END}, "timestamp": chain["timestamps"][END]}


def total_reserves(chain, source):
    pair = source.lower()
    snapshot = head(chain, source)
    for side in (0, 1):
        name = PAIRS[pair][side]
        prices = token_prices(chain, name)
        reserves = {block: amount(chain["reserves"][pair, block][side], name) for block in BLOCKS}
        snapshot[f"token{side}Reserves"] = {f"block{block}": reserves[block] for block in BLOCKS}
        snapshot[f"token{side}ReservesUSD"] = {f"block{block}": reserves[block] * prices[block] for block in BLOCKS}
        snapshot[f"token{side}Prices"] = {f"block{block}": prices[block] for block in BLOCKS}
    return snapshot


FIELDS = ["totalTradesUSD", "totalFeeUSD", "token0TradeVolume", "token1TradeVolume", "token0TradeVolumeUSD", "token1TradeVolumeUSD"]


def no_trade():
    return dict.fromkeys(FIELDS, 0.0)


def add(total, trade):
    for field in FIELDS:
        total[field] += trade[field]


def trade_volume(chain, source, fee_on):
    pair = source.lower()
    names = PAIRS[pair][:2]
    prices = [token_prices(chain, name) for name in names]
    events = {name: {"logs": [], "trades": no_trade()} for name in ("Swap", "Mint", "Burn")}
    trades = no_trade()
    transactions = {}
    for log in chain["logs"]:
        if log["address"] == pair:
            transactions.setdefault(log["transactionHash"], []).append(log)
    for logs in transactions.values():
        swapped = no_trade()
        for log in sorted(logs, key=lambda entry: entry["event"], reverse=True):
            block, args = log["blockNumber"], log["args"]

            def native_and_usd(side, key):
                if args[key] == 0:
                    return 0, 0
                native = amount(args[key], names[side])
                return native, native * prices[side][block]

            sides = []
            for side in (0, 1):
                if log["event"] == "Swap":
                    (out, out_usd), (paid, paid_usd) = native_and_usd(side, f"amount{side}Out"), native_and_usd(side, f"amount{side}In")
                    sides.append((abs(out - paid), abs(out_usd - paid_usd)))
                else:
                    sides.append(native_and_usd(side, f"amount{side}"))
            (amount0, usd0), (amount1, usd1) = sides
            fee = 0.0
            if log["event"] == "Swap":
                usd = (usd1 if usd1 > usd0 else usd0) if usd0 and usd1 else (usd1 or usd0)
                fee = usd * 0.003 if fee_on == "trade" else (usd1 or usd0) * 0.003
            else:
                usd = usd0 + usd1
            trade = {key: float(value) for key, value in zip(FIELDS, [usd, fee, amount0, amount1, usd0, usd1])}
            entry = {key: log[key] for key in ("event", "logIndex", "transactionHash", "blockNumber")}
            entry |= {"args": args, "address": CHECKSUMMED[pair], "token0_amount": amount0, "token1_amount": amount1, "timestamp": chain["timestamps"][block], "trade_amount_usd": usd}
            events[log["event"]]["logs"].append(entry)
            add(events[log["event"]]["trades"], trade)
            if log["event"] == "Swap":
                add(swapped, trade)
        add(trades, {field: abs(value) for field, value in swapped.items()})
    totals = dict(zip(["totalTrade", *FIELDS[1:]], (round(trades[field], 6) for field in FIELDS)))
    totals["totalFee"] = totals.pop("totalFeeUSD")
    return head(chain, source) | totals | {"events": events | {"Trades": trades}}


VOLUME_FIELDS = ["totalTrade", "totalFee", "token0TradeVolume", "token1TradeVolume", "token0TradeVolumeUSD", "token1TradeVolumeUSD"]


def day_volume(present, earlier, complete):
    aggregate = {"epochId": EPOCH_ID, "complete": complete}
    for field in VOLUME_FIELDS:
        total = present[field]
        for snapshot in earlier:
            total += snapshot[field]
        aggregate[field] = math.trunc(total * 10.0**5) / 10.0**5
    return aggregate


def top_pairs(chain, history):
    rows = []
    for pair in sorted(source.lower() for source in SOURCES):
        source = next(text for text in SOURCES if text.lower() == pair)
        reserves, volume = total_reserves(chain, source), day_volume(trade_volume(chain, source, "trade"), history[pair], True)
        liquidity = reserves["token0ReservesUSD"][f"block{END}"] + reserves["token1ReservesUSD"][f"block{END}"]
        rows.append({"name": "-".join(PAIRS[pair][:2]), "address": pair, "liquidity": liquidity, "volume24h": volume["totalTrade"], "fee24h": volume["totalFee"]})
    return {"epochId": EPOCH_ID, "complete": True, "pairs": sorted(rows, key=lambda row: row["liquidity"], reverse=True)}


# As EIP-55 writes them.
TOKEN_CHECKSUMS = {text.lower(): text for text in (
    "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
    "0x6B175474E89094C44Da98b954EedeAC495271d0F",
    "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
    "0xdAC17F958D2ee523a2206206994597C13D831ec7",
    "0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599",
    "0x1f9840a85d5aF5bf1D1762F925BDADdC4201F984",
    "0xFE00000000000000000000000000000000000001",
    "0xff00000000000000000000000000000000000001",
)}


def week_volume(present, days):
    week = {"epochId": EPOCH_ID, "complete": present["complete"] and len(days) == 6 and all(day["complete"] for day in days)}
    for field in VOLUME_FIELDS:
        total = 0.0
        for day in [present, *days]:
            total += day[field]
        week[field] = math.trunc(total * 10.0**5) / 10.0**5
    return week


def top_pairs_7d(weeks):
    rows = [{"name": "-".join(PAIRS[pair][:2]), "address": pair, "volume7d": weeks[pair]["totalTrade"], "fee7d": weeks[pair]["totalFee"]} for pair in sorted(weeks)]
    return {"epochId": EPOCH_ID, "complete": all(week["complete"] for week in weeks.values()), "pairs": sorted(rows, key=lambda row: row["volume7d"], reverse=True)}


def change(now, then):
    return (now - then) / then * 100 if then else 0.0


def sides(chain):
    """Each token of each pair, pairs by address: name, pair, index within the pair, reserves in USD, price."""
    for pair in sorted(source.lower() for source in SOURCES):
        for side in (0, 1):
            name = PAIRS[pair][side]
            price = token_prices(chain, name)[END]
            yield name, pair, side, amount(chain["reserves"][pair, END][side], name) * price, price


def top_tokens(chain, days, prices_then):
    rows = []
    for name in sorted({side[0] for side in sides(chain)}, key=lambda each: TOKENS[each][0]):
        held = [side for side in sides(chain) if side[0] == name]
        deepest = max(held, key=lambda side: side[3])
        volume = liquidity = 0.0
        for _, pair, side, usd, _ in held:
            volume += days[pair][f"token{side}TradeVolumeUSD"]
            liquidity += usd
        address = TOKEN_CHECKSUMS[TOKENS[name][0]]
        rows.append({
            "name": name + " Coin", "symbol": name, "decimals": TOKENS[name][1], "address": address, "price": deepest[4],
            "priceChange24h": change(deepest[4], prices_then.get(address, 0.0)), "volume24h": volume, "liquidity": liquidity,
        })
    return {"epochId": EPOCH_ID, "complete": True, "tokens": sorted(rows, key=lambda row: row["liquidity"], reverse=True)}


def stats(chain, days, then):
    now = {"volume24h": 0.0, "tvl": 0.0, "fee24h": 0.0}
    usd = {}
    for _, pair, side, value, _ in sides(chain):
        usd[pair, side] = value
    for pair in sorted(days):
        now["volume24h"] += days[pair]["totalTrade"]
        now["tvl"] += usd[pair, 0] + usd[pair, 1]
        now["fee24h"] += days[pair]["totalFee"]
    changes = {"volumeChange24h": "volume24h", "tvlChange24h": "tvl", "feeChange24h": "fee24h"}
    return {"epochId": EPOCH_ID, "complete": True, **now, **{field: change(now[of], then[of]) for field, of in changes.items()}}


def text(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def main():
    chain = make_chain()
    history = {source.lower(): [{field: round(RNG.uniform(0, 1e6), 6) for field in VOLUME_FIELDS} for _ in range(4)] for source in SOURCES}
    addresses = {name: address for name, (address, _) in TOKENS.items()}
    days = {source.lower(): day_volume(trade_volume(chain, source, "trade"), history[source.lower()], True) for source in SOURCES}
    # The six days before, the youngest first; a token that had no price then, and one that was not there.
    week = {pair: [{field: round(RNG.uniform(0, 1e6), 5) for field in VOLUME_FIELDS} | {"complete": True} for _ in range(6)] for pair in days}
    weeks = {pair: week_volume(days[pair], week[pair]) for pair in days}
    prices_then = {TOKEN_CHECKSUMS[addresses[name]]: price for name, price in (("WETH", 2_900.5), ("USDC", 1.01), ("UNI", 0.0))}
    stats_then = {"volume24h": 1_234_567.891, "tvl": 25_000_000.5, "fee24h": 0.0}
    out = {
        "epoch": {"epochId": EPOCH_ID, "begin": BEGIN, "end": END},
        "sources": SOURCES,
        "whitelist": [addresses[name] for name in WHITELIST],
        "tokens": [{"address": address, "decimals": decimals, "symbol": name, "name": name + " Coin"} for name, (address, decimals) in TOKENS.items()],
        "pairs": [{"address": pair, "tokens": [addresses[left], addresses[right]]} for pair, (left, right, *_) in PAIRS.items()],
        "chain": {
            "timestamps": list(chain["timestamps"].items()),
            "reserves": [[pair, block, str(reserve0), str(reserve1)] for (pair, block), (reserve0, reserve1) in chain["reserves"].items()],
            "amountOut": [[addresses[white], block, str(out)] for (white, block), out in chain["amountOut"].items()],
            "logs": [log | {"args": {key: str(value) for key, value in log["args"].items()}} for log in chain["logs"]],
        },
        "history": {pair: [text(snapshot) for snapshot in snapshots] for pair, snapshots in history.items()},
        "snapshots": {
            source: {"totalReserves": text(total_reserves(chain, source)), "feeOnTrade": text(trade_volume(chain, source, "trade")), "feeOnToken1": text(trade_volume(chain, source, "token1"))}
            for source in SOURCES
        },
        "dayVolumes": {source: text(day_volume(trade_volume(chain, source, "trade"), history[source.lower()], True)) for source in SOURCES},
        "topPairs": text(top_pairs(chain, history)),
        "week": {pair: [text(day) for day in earlier] for pair, earlier in week.items()},
        "weekVolumes": {pair: text(volume) for pair, volume in weeks.items()},
        "topPairs7d": text(top_pairs_7d(weeks)),
        "then": {"tokens": text({"tokens": [{"address": address, "price": price} for address, price in prices_then.items()]}), "stats": text(stats_then)},
        "topTokens": text(top_tokens(chain, days, prices_then)),
        "stats": text(stats(chain, days, stats_then)),
    }
    print(json.dumps(out, indent=1))


main()
