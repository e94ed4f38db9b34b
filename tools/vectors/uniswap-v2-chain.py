"""Computes the Uniswap V2 market of a development chain from its raw logs: python3 tools/vectors/uniswap-v2-chain.py < order.json

An own reading of spec/08 sections 3 to 5 that shares nothing with the computes: reserves are those of the last Sync, pairs those that the factory
announced, what the router would pay is calculated. Only decimals, symbols and names are asked of the tokens. `order`: rpc, market, epochs of
the same length, `dayEpochs`, the epochs of a day. The answer: by epoch, type and pair the canonical text.
"""
import json
import math
import sys
import urllib.request

SWAP = "0xd78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"
MINT = "0x4c209b5fc8ad50758f13e2e1088ba56a560dff690a1c6fef26394f4c03821c4f"
BURN = "0xdccd412f0b1252819cb1fd330b93224ca42612892bb3f4f789976e6d81936496"
SYNC = "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1"
PAIR_CREATED = "0x0d3648bd0f6ba80134a33ba9275ac585d9d315f0ad8355cddefde31afa28d0e9"
NAMES = {SWAP: "Swap", MINT: "Mint", BURN: "Burn"}
FIELDS = ["totalTradesUSD", "totalFeeUSD", "token0TradeVolume", "token1TradeVolume", "token0TradeVolumeUSD", "token1TradeVolumeUSD"]
VOLUMES = ["totalTrade", "totalFee", *FIELDS[2:]]

ORDER = json.load(sys.stdin)
MARKET = ORDER["market"]
WETH = MARKET["weth"]


def rpc(method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(ORDER["rpc"], body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def logs_of(**query):
    found = rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", **query})["result"]
    return sorted(found, key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))


def words(data):
    return [int(data[2 + 64 * i : 66 + 64 * i], 16) for i in range((len(data) - 2) // 64)]


KNOWN = {}


def once(make):
    def remembered(*key):
        if (make, key) not in KNOWN:
            KNOWN[make, key] = make(*key)
        return KNOWN[make, key]

    return remembered


@once
def checksum(address):
    digest = rpc("web3_sha3", "0x" + address[2:].encode().hex())["result"][2:]
    return "0x" + "".join(c.upper() if int(digest[i], 16) > 7 else c for i, c in enumerate(address[2:]))


@once
def ask(token, selector):
    """All that a token returns, or None where it reverts."""
    answer = rpc("eth_call", {"to": token, "data": selector}, "latest").get("result")
    return None if answer is None else bytes.fromhex(answer[2:])


def decimals(token):
    return int.from_bytes(ask(token, "0x313ce567"), "big")


def word_of(token, selector):
    data = ask(token, selector)
    if not data or len(data) < 32:
        return token
    if len(data) >= 64 and int.from_bytes(data[:32], "big") == 32 and int.from_bytes(data[32:64], "big") <= len(data) - 64:
        text = data[64 : 64 + int.from_bytes(data[32:64], "big")].decode("utf-8", "replace")
    elif data[0] == 0:
        return token
    else:
        text = data[:32].rstrip(b"\0").decode("utf-8", "replace")
    return token if len(text) > 256 else text


symbol = lambda token: word_of(token, "0x95d89b41")
name_of = lambda token: word_of(token, "0x06fdde03")

# Pair: its tokens, and the block in which it was made.
PAIRS = {}
for log in logs_of(address=MARKET["factory"], topics=[PAIR_CREATED]):
    left, right = ("0x" + topic[26:] for topic in log["topics"][1:3])
    PAIRS["0x" + log["data"][26:66]] = ((left, right), int(log["blockNumber"], 16))
SYNCS = {pair: [] for pair in PAIRS}
for log in logs_of(topics=[SYNC]):
    SYNCS[log["address"]].append((int(log["blockNumber"], 16), *words(log["data"])))
TIMES = {}


def timestamp(block):
    if block not in TIMES:
        TIMES[block] = int(rpc("eth_getBlockByNumber", hex(block), False)["result"]["timestamp"], 16)
    return TIMES[block]


def reserves(pair, block):
    known = [sync[1:] for sync in SYNCS[pair] if sync[0] <= block]
    return known[-1] if known else (0, 0)


def pair_of(left, right, block):
    return next((pair for pair, (tokens, made) in PAIRS.items() if {*tokens} == {left, right} and made <= block), None)


def held(pair, token, block):
    return reserves(pair, block)[PAIRS[pair][0].index(token)]


def amount(raw, token):
    return raw / 10 ** decimals(token)


def eth_price(block):
    sides = []
    for stable, pair in (("dai", "daiWethPair"), ("usdc", "usdcWethPair"), ("usdt", "wethUsdtPair")):
        sides.append((amount(held(MARKET[pair], MARKET[stable], block), MARKET[stable]), held(MARKET[pair], WETH, block) / 10**18))
    total = sides[0][1] + sides[1][1] + sides[2][1]
    price = 0.0
    for stable, eth in sides:
        price += (eth / total) * (stable / eth)
    return price


def in_eth(white, block):
    """What the router pays for one, in ether."""
    if white == WETH:
        return 1
    pair = pair_of(white, WETH, block)
    paid = 10 ** decimals(white) * 997
    return paid * held(pair, WETH, block) // (held(pair, white, block) * 1000 + paid) / 10**18


@once
def prices(token, begin, end):
    blocks = range(begin, end + 1)
    if token == WETH:
        return {block: eth_price(block) for block in blocks}
    for white in MARKET["whitelist"]:
        pair = pair_of(white, token, begin) if white != token else None
        if pair is None:
            continue
        found = {}
        for block in blocks:
            whites, tokens, worth = amount(held(pair, white, block), white), amount(held(pair, token, block), token), in_eth(white, block)
            if whites * worth < 1:
                break
            found[block] = (0 if not whites or not tokens else whites / tokens) * worth
        else:
            return {block: found[block] * eth_price(block) for block in blocks}
    return {block: 0.0 for block in blocks}


def head(source, epoch):
    return {"contract": source, "chainHeightRange": {"begin": epoch["begin"], "end": epoch["end"]}, "timestamp": timestamp(epoch["end"])}


def total_reserves(source, epoch):
    pair, snapshot = source.lower(), head(source, epoch)
    for side, token in enumerate(PAIRS[pair][0]):
        by_block = prices(token, epoch["begin"], epoch["end"])
        for block, price in by_block.items():
            tokens = amount(reserves(pair, block)[side], token)
            for field, value in (("Reserves", tokens), ("ReservesUSD", tokens * price), ("Prices", price)):
                snapshot.setdefault(f"token{side}{field}", {})[f"block{block}"] = value
    return snapshot


def arguments(log):
    accounts = [checksum("0x" + topic[26:]) for topic in log["topics"][1:]]
    if log["topics"][0] == SWAP:
        return dict(zip(("amount0In", "amount1In", "amount0Out", "amount1Out"), words(log["data"]))) | dict(zip(("sender", "to"), accounts))
    return dict(zip(("amount0", "amount1"), words(log["data"]))) | dict(zip(("sender", "to"), accounts))


def valued(log, tokens, epoch):
    block, args, name = int(log["blockNumber"], 16), arguments(log), NAMES[log["topics"][0]]

    def worth(side, key):
        if args[key] == 0:
            return 0, 0
        tokens_moved = amount(args[key], tokens[side])
        return tokens_moved, tokens_moved * prices(tokens[side], epoch["begin"], epoch["end"])[block]

    if name == "Swap":
        pairs = [(worth(side, f"amount{side}Out"), worth(side, f"amount{side}In")) for side in (0, 1)]
        (moved0, usd0), (moved1, usd1) = ((abs(out[0] - paid[0]), abs(out[1] - paid[1])) for out, paid in pairs)
        total = max(usd0, usd1) if usd0 and usd1 else usd1 or usd0
        if usd0 and usd1 and usd0 == usd1:
            total = usd0
        fee = total * 0.003 if MARKET["feeOn"] == "trade" else (usd1 or usd0) * 0.003
    else:
        (moved0, usd0), (moved1, usd1) = worth(0, "amount0"), worth(1, "amount1")
        total, fee = usd0 + usd1, 0
    trade = dict(zip(FIELDS, map(float, (total, fee, moved0, moved1, usd0, usd1))))
    entry = {
        "args": args, "event": name, "logIndex": int(log["logIndex"], 16), "transactionHash": log["transactionHash"], "address": checksum(log["address"]),
        "blockNumber": block, "token0_amount": moved0, "token1_amount": moved1, "timestamp": timestamp(block), "trade_amount_usd": total,
    }
    return trade, entry


def added(total, trade):
    for field in FIELDS:
        total[field] += trade[field]


def trade_volume(source, epoch):
    pair = source.lower()
    found = logs_of(address=pair, fromBlock=hex(epoch["begin"]), toBlock=hex(epoch["end"]), topics=[list(NAMES)])
    groups = {}
    for log in found:
        groups.setdefault(log["transactionHash"], []).append(log)
    events = {name: {"logs": [], "trades": dict.fromkeys(FIELDS, 0.0)} for name in NAMES.values()}
    trades = dict.fromkeys(FIELDS, 0.0)
    for group in groups.values():
        swapped = dict.fromkeys(FIELDS, 0.0)
        for log in sorted(group, key=lambda each: NAMES[each["topics"][0]], reverse=True):
            trade, entry = valued(log, PAIRS[pair][0], epoch)
            events[entry["event"]]["logs"].append(entry)
            added(events[entry["event"]]["trades"], trade)
            if entry["event"] == "Swap":
                added(swapped, trade)
        added(trades, {field: abs(value) for field, value in swapped.items()})
    return head(source, epoch) | {ours: round(trades[theirs], 6) for ours, theirs in zip(VOLUMES, FIELDS)} | {"events": {**events, "Trades": trades}}


def summed(snapshots, epoch_id, complete):
    sums = {"epochId": epoch_id, "complete": complete}
    for field in VOLUMES:
        total = 0.0
        for snapshot in snapshots:
            total += snapshot[field]
        sums[field] = math.trunc(total * 10.0**5) / 10.0**5
    return sums


def change(now, then):
    return (now - then) / then * 100 if then else 0.0


def rankings(epoch, reserves_now, days, weeks, then):
    ordered, end, complete = sorted(days), f"block{epoch['end']}", all(day["complete"] for day in days.values())
    usd = lambda pair, side: reserves_now[pair][f"token{side}ReservesUSD"][end]
    called = lambda pair: "-".join(symbol(token) for token in PAIRS[pair][0])
    top = lambda rows, field: sorted(rows, key=lambda row: -row[field])
    tokens = {}
    for pair in ordered:
        for side, token in enumerate(PAIRS[pair][0]):
            row = tokens.setdefault(token, {"volume24h": 0.0, "liquidity": 0.0, "most": None})
            row["volume24h"] += days[pair][f"token{side}TradeVolumeUSD"]
            row["liquidity"] += usd(pair, side)
            if row["most"] is None or usd(pair, side) > row["most"]:
                row["most"], row["price"] = usd(pair, side), reserves_now[pair][f"token{side}Prices"][end]
    prices_then = {row["address"]: row["price"] for row in then["tokens"]["tokens"]} if then else {}
    rows = [
        {"name": name_of(token), "symbol": symbol(token), "decimals": decimals(token), "address": checksum(token), "price": row["price"],
         "priceChange24h": change(row["price"], prices_then.get(checksum(token), 0)), "volume24h": row["volume24h"], "liquidity": row["liquidity"]}
        for token, row in sorted(tokens.items())
    ]
    totals = {"volume24h": 0.0, "tvl": 0.0, "fee24h": 0.0}
    for pair in ordered:
        totals["volume24h"] += days[pair]["totalTrade"]
        totals["tvl"] += usd(pair, 0) + usd(pair, 1)
        totals["fee24h"] += days[pair]["totalFee"]
    changes = {f"{short}Change24h": change(totals[field], then["stats"][field] if then else 0) for short, field in (("volume", "volume24h"), ("tvl", "tvl"), ("fee", "fee24h"))}
    day_pairs = [{"name": called(pair), "address": pair, "liquidity": usd(pair, 0) + usd(pair, 1), "volume24h": days[pair]["totalTrade"], "fee24h": days[pair]["totalFee"]} for pair in ordered]
    week_pairs = [{"name": called(pair), "address": pair, "volume7d": weeks[pair]["totalTrade"], "fee7d": weeks[pair]["totalFee"]} for pair in ordered]
    start = {"epochId": epoch["epochId"], "complete": complete}
    return {
        "pairs": start | {"pairs": top(day_pairs, "liquidity")},
        "pairs7d": {"epochId": epoch["epochId"], "complete": all(week["complete"] for week in weeks.values()), "pairs": top(week_pairs, "volume7d")},
        "tokens": start | {"tokens": top(rows, "liquidity")},
        "stats": start | totals | changes,
    }


def main():
    span = ORDER["dayEpochs"]
    done, volumes, days = {}, {}, {}
    texts = {}
    for epoch in ORDER["epochs"]:
        number = epoch["epochId"]
        first = ORDER["epochs"][0]["epochId"]
        by_pair = {source.lower(): source for source in MARKET["pairs"]}
        held_now = {pair: total_reserves(source, epoch) for pair, source in by_pair.items()}
        volumes[number] = {pair: trade_volume(source, epoch) for pair, source in by_pair.items()}
        days[number], weeks = {}, {}
        for pair in by_pair:
            earlier = [volumes[each][pair] for each in range(max(first, number - span), number)]
            days[number][pair] = summed([volumes[number][pair], *earlier], number, number - span >= first)
            ends = [number - each * (span + 1) for each in range(7)]
            there = [days[each][pair] for each in ends if each >= first]
            weeks[pair] = summed(there, number, len(there) == 7 and all(day["complete"] for day in there))
        done[number] = rankings(epoch, held_now, days[number], weeks, done.get(number - span))
        text = lambda value: json.dumps(value, sort_keys=True, separators=(",", ":"))
        texts[number] = {
            "reserves": {pair: text(snapshot) for pair, snapshot in held_now.items()},
            "volume": {pair: text(snapshot) for pair, snapshot in volumes[number].items()},
            "day": {pair: text(snapshot) for pair, snapshot in days[number].items()},
            "week": {pair: text(snapshot) for pair, snapshot in weeks.items()},
            **{ranking: text(snapshot) for ranking, snapshot in done[number].items()},
        }
    print(json.dumps(texts))


main()
