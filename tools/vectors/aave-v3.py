"""Aave V3 snapshots as Python computes them, an own reading of spec/08 section 6 in ints, floats and `decimal`.

python3 tools/vectors/aave-v3.py > test/vectors/aave-v3.json
    from a made-up chain, with tables of the arithmetic. Integers of the chain stand as strings, snapshots as their canonical text.
python3 tools/vectors/aave-v3.py chain < JSON
    from a real one: {rpc, pool, oracle, assets, epochId, begin, end, selectors, topics}. It asks the pool, the tokens, the rate
    strategies and the oracle themselves, not the contract that gathers all that for the computes, and reads the logs from their words.
"""
import json
import math
import random
import sys
import urllib.request
from decimal import ROUND_HALF_EVEN, Decimal, getcontext, localcontext

getcontext().prec = 28
getcontext().rounding = ROUND_HALF_EVEN
RAY, HALF_RAY, YEAR = 10**27, 5 * 10**26, 31536000
KINDS = ["Borrow", "Repay", "Supply", "Withdraw", "LiquidationCall"]


# --- arithmetic ---------------------------------------------------------------------------------------------------

def ray_mul(a, b):
    return int((Decimal(str(a)) * Decimal(str(b)) + Decimal(HALF_RAY)) / Decimal(RAY))


def compounded(rate, seconds):
    if seconds == 0:
        return RAY
    base = Decimal(str(rate)) / Decimal(YEAR)
    square = ray_mul(rate, rate) / Decimal(YEAR * YEAR)
    cube = ray_mul(square, base)
    second = Decimal(str(seconds * (seconds - 1) * square)) / Decimal(2)
    third = Decimal(str(seconds * (seconds - 1) * max(0, seconds - 2) * cube)) / Decimal(6)
    return int(Decimal(RAY) + Decimal(str(seconds * base)) + second + third)


def from_ray(value):
    with localcontext() as context:
        context.prec = 16
        return float(Decimal(str(value)) / Decimal(RAY))


def apy(rate):
    return ((1 + rate / RAY / YEAR) ** YEAR - 1) * 100


def truncated(value):
    return math.trunc(value * 10.0**5) / 10.0**5


def summed(values):
    # sum() of floats compensates since Python 3.12, which deployed nodes are older than.
    total = 0
    for value in values:
        total += value
    return total


# --- addresses ----------------------------------------------------------------------------------------------------

def keccak(data):
    lanes = [[0] * 5 for _ in range(5)]
    block = bytearray(data.ljust(136, b"\0"))
    block[len(data)] ^= 1
    block[135] ^= 128
    for i in range(17):
        lanes[i % 5][i // 5] ^= int.from_bytes(block[8 * i:8 * i + 8], "little")
    mask, register = 2**64 - 1, 1
    turn = lambda v, n: ((v << n % 64) | (v >> (64 - n % 64))) & mask if n % 64 else v
    for _ in range(24):
        columns = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
        lanes = [[lanes[x][y] ^ columns[(x + 4) % 5] ^ turn(columns[(x + 1) % 5], 1) for y in range(5)] for x in range(5)]
        x, y, moving = 1, 0, lanes[1][0]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            moving, lanes[x][y] = lanes[x][y], turn(moving, (step + 1) * (step + 2) // 2)
        lanes = [[lanes[x][y] ^ (~lanes[(x + 1) % 5][y] & lanes[(x + 2) % 5][y]) for y in range(5)] for x in range(5)]
        for bit in range(7):
            register = (register << 1 ^ (register >> 7) * 0x71) % 256
            if register & 2:
                lanes[0][0] ^= 1 << (1 << bit) - 1
    return b"".join(lanes[i % 5][i // 5].to_bytes(8, "little") for i in range(4))


def checksummed(address):
    digits = address[2:].lower()
    nibbles = keccak(digits.encode()).hex()
    return "0x" + "".join(c.upper() if int(n, 16) >= 8 else c for c, n in zip(digits, nibbles))


# --- snapshots ----------------------------------------------------------------------------------------------------

def text(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def head(contract, chain, epoch):
    end = epoch["end"]
    return {"contract": contract, "chainHeightRange": {"begin": epoch["begin"], "end": end}, "timestamp": chain[end]["timestamp"]}


def total_supply(contract, chain, epoch):
    maps = {}
    for block in range(epoch["begin"], epoch["end"] + 1):
        time, r = chain[block]["timestamp"], chain[block]["reserves"][contract.lower()]
        interest = compounded(r["variableBorrowRate"], time - r["lastUpdateTimestamp"])
        variable = ray_mul(r["totalScaledVariableDebt"], ray_mul(interest, r["variableBorrowIndex"]))
        stable = ray_mul(r["totalPrincipalStableDebt"], compounded(r["averageStableRate"], time - r["stableDebtLastUpdateTimestamp"]))
        available = r["availableLiquidity"]
        supply = available + variable + stable
        price, unit = r["price"] * 10**-8, 10 ** r["decimals"]
        percent = lambda v: v / 10000 * 100
        values = {
            "totalAToken": {"token_supply": supply, "usd_supply": supply * price / unit},
            "totalVariableDebt": {"token_debt": variable, "usd_debt": variable * price / unit},
            "totalStableDebt": {"token_debt": stable, "usd_debt": stable * price / unit},
            "availableLiquidity": {"token_supply": available, "usd_supply": available * price / unit},
            "assetDetails": {
                "ltv": percent(r["ltv"]), "liqThreshold": percent(r["liqThreshold"]), "liqBonus": percent(r["liqBonus"]) - 100,
                "resFactor": percent(r["resFactor"]), "borrowCap": r["borrowCap"], "supplyCap": r["supplyCap"], "eLtv": percent(r["eLtv"]),
                "eliqThreshold": percent(r["eliqThreshold"]), "eliqBonus": percent(r["eliqBonus"]) - 100,
            },
            "rateDetails": {
                **{name: from_ray(r[name]) for name in RATE_NAMES},
                "utilRate": variable / supply if supply else 0.0,
            },
            **{name: r[name] for name in PLAIN_NAMES},
        }
        for name, value in values.items():
            maps.setdefault(name, {})[f"block{block}"] = value
    return {**head(contract, chain, epoch), **maps}


RATE_NAMES = ["varRateSlope1", "varRateSlope2", "stableRateSlope1", "stableRateSlope2", "baseStableRate", "baseVarRate", "optimalRate"]
PLAIN_NAMES = ["liquidityRate", "liquidityIndex", "variableBorrowRate", "stableBorrowRate", "variableBorrowIndex", "lastUpdateTimestamp",
               "isolationModeTotalDebt"]


def supply_volume(contract, chain, epoch, logs):
    asset = contract.lower()
    totals = {kind: {"totalUSD": 0.0, "totalToken": 0} for kind in KINDS}
    events, liquidations = {kind: [] for kind in KINDS}, []

    def worth(token, block, amount):
        r = chain[block]["reserves"].get(token)
        return {"totalToken": amount, "totalUSD": amount * (r["price"] * 10**-8 / 10 ** r["decimals"] if r else 0.0)}

    for log in logs:
        args, kind, block = log["args"], log["event"], log["blockNumber"]
        if asset not in (args.get("reserve"), args.get("collateralAsset")):
            continue
        printed = {name: checksummed(value) if isinstance(value, str) else value for name, value in args.items()}
        events[kind].append({**log, "args": printed, "address": checksummed(log["address"])})
        if kind == "LiquidationCall":
            volume = worth(asset, block, args["liquidatedCollateralAmount"])
            liquidations.append({
                "collateralAsset": printed["collateralAsset"], "debtAsset": printed["debtAsset"], "blockNumber": block,
                "debtToCover": worth(args["debtAsset"], block, args["debtToCover"]), "liquidatedCollateral": volume,
            })
        else:
            volume = worth(asset, block, args["amount"])
        for name in volume:
            totals[kind][name] += volume[name]
    return {
        **head(contract, chain, epoch), "borrow": totals["Borrow"], "repay": totals["Repay"], "supply": totals["Supply"],
        "withdraw": totals["Withdraw"], "liquidation": totals["LiquidationCall"], "liquidationList": liquidations,
        "events": [event for kind in KINDS for event in events[kind]],
    }


# --- aggregates ---------------------------------------------------------------------------------------------------

def apr_6h(epoch_id, earlier, present, complete):
    result = {"avgLiquidityRate": 0.0, "avgVariableRate": 0.0, "avgStableRate": 0.0, "avgUtilizationRate": 0.0}
    names = {"avgLiquidityRate": "liquidityRate", "avgVariableRate": "variableBorrowRate", "avgStableRate": "stableBorrowRate"}
    for count, snapshot in enumerate([*earlier, present]):
        for name in result:
            if name in names:
                values = list(snapshot[names[name]].values())
                mean = sum(values) / len(values) / RAY
            else:
                values = [details["utilRate"] for _, details in sorted(snapshot["rateDetails"].items())]
                mean = summed(values) / len(values)
            result[name] = truncated((count * result[name] + mean) / (count + 1))
    return {"epochId": epoch_id, **result, "timestamp": present["timestamp"], "complete": complete}


def apr_24h(epoch_id, quarters):
    result = {"avgLiquidityRate": 0.0, "avgVariableRate": 0.0, "avgStableRate": 0.0, "avgUtilizationRate": 0.0}
    with localcontext() as context:
        context.prec = 16
        for count, quarter in enumerate(quarters):
            for name in result:
                total = Decimal(count) * Decimal(str(result[name])) + Decimal(str(quarter[name]))
                result[name] = float(total / Decimal(count + 1))
    complete = len(quarters) == 4 and all(quarter["complete"] for quarter in quarters)
    return {"epochId": epoch_id, **result, "timestamp": quarters[0]["timestamp"], "complete": complete}


def volume_24h(epoch_id, present, earlier, complete):
    names = {"totalBorrow": "borrow", "totalRepay": "repay", "totalSupply": "supply", "totalWithdraw": "withdraw",
             "totalLiquidatedCollateral": "liquidation"}
    result = {name: {"totalUSD": 0.0, "totalToken": 0} for name in names}
    for snapshot in [present, *earlier]:
        for name, source in names.items():
            for part in result[name]:
                result[name][part] += snapshot[source][part]
    return {"epochId": epoch_id, **result, "complete": complete}


def top_assets(epoch_id, supplies, chain):
    rows = []
    for snapshot in supplies:
        end = snapshot["chainHeightRange"]["end"]
        block, r = f"block{end}", chain[end]["reserves"][snapshot["contract"].lower()]
        supply, debt = snapshot["totalAToken"][block], snapshot["totalVariableDebt"][block]
        rows.append({
            "name": r["name"], "symbol": r["symbol"], "decimals": r["decimals"], "address": checksummed(snapshot["contract"]),
            "totalAToken": {"token_supply": supply["token_supply"] / 10 ** r["decimals"], "usd_supply": supply["usd_supply"]},
            "totalVariableDebt": {"token_debt": debt["token_debt"] / 10 ** r["decimals"], "usd_debt": debt["usd_debt"]},
            "liquidityApy": apy(snapshot["liquidityRate"][block]), "variableApy": apy(snapshot["variableBorrowRate"][block]),
            "isIsolated": snapshot["isolationModeTotalDebt"][block] > 0,
        })
    return {"epochId": epoch_id, "complete": True, "assets": sorted(rows, key=lambda row: row["totalAToken"]["usd_supply"], reverse=True)}


def change(now, then):
    return (now - then) / then * 100 if then else 0.0


def stats(epoch_id, supplies, before):
    result = {"totalMarketSize": 0.0, "totalAvailable": 0.0, "totalBorrows": 0.0}
    for snapshot in supplies:
        block = f"block{snapshot['chainHeightRange']['end']}"
        supply, debt = snapshot["totalAToken"][block]["usd_supply"], snapshot["totalVariableDebt"][block]["usd_debt"]
        result["totalAvailable"] += supply - debt
        result["totalBorrows"] += debt
        result["totalMarketSize"] += supply
    then = before or {name: 0 for name in result}
    return {
        "epochId": epoch_id, **result, "complete": before is not None,
        "marketChange24h": change(result["totalMarketSize"], then["totalMarketSize"]),
        "availableChange24h": change(result["totalAvailable"], then["totalAvailable"]),
        "borrowChange24h": change(result["totalBorrows"], then["totalBorrows"]),
    }


def top_volume(epoch_id, days, reserves, before):
    changes = {"borrowChange24h": "totalBorrow", "repayChange24h": "totalRepay", "supplyChange24h": "totalSupply",
               "withdrawChange24h": "totalWithdraw", "liquidationChange24h": "totalLiquidatedCollateral"}
    rows = []
    for asset, day in days:
        r, address = reserves[asset], checksummed(asset)
        then = next((row for row in (before or {"assets": []})["assets"] if row["address"] == address), None)
        rows.append({
            "name": r["name"], "symbol": r["symbol"], "address": address,
            **{name: {"totalUSD": day[name]["totalUSD"], "totalToken": day[name]["totalToken"] / 10 ** r["decimals"]} for name in changes.values()},
            **{name: change(day[of]["totalUSD"], then[of]["totalUSD"]) if then else 0.0 for name, of in changes.items()},
        })
    rows.sort(key=lambda row: row["totalBorrow"]["totalUSD"], reverse=True)
    return {"epochId": epoch_id, "assets": rows, "complete": all(day["complete"] for _, day in days)}


# --- a real chain -------------------------------------------------------------------------------------------------

def compute_chain(order):
    def rpc(method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(order["rpc"], body, {"content-type": "application/json"})
        return json.load(urllib.request.urlopen(request))["result"]

    def words(data):
        return [int(data[i:i + 64], 16) for i in range(2, len(data) - 63, 64)]

    def ask(to, name, block, *args):
        data = order["selectors"][name] + "".join(f"{int(str(arg), 0):064x}" for arg in args)
        return rpc("eth_call", {"to": to, "data": data}, hex(block))

    def string(data):
        length = words(data)[1]
        return bytes.fromhex(data[130:130 + 2 * length]).decode()

    address = lambda word: f"0x{word:040x}"
    bits = lambda word, low, count: word >> low & (1 << count) - 1

    def reserve(asset, block):
        w = words(ask(order["pool"], "getReserveData", block, asset))
        a_token, stable, variable, strategy = (address(word) for word in w[8:12])
        one = lambda to, name, *args: words(ask(to, name, block, *args))[0]
        principal, _, average, updated = words(ask(stable, "getSupplyData", block))
        e_mode = words(ask(order["pool"], "getEModeCategoryData", block, bits(w[0], 168, 8)))[1:4]
        return {
            "name": string(ask(asset, "name", block)), "symbol": string(ask(asset, "symbol", block)), "decimals": bits(w[0], 48, 8),
            "ltv": bits(w[0], 0, 16), "liqThreshold": bits(w[0], 16, 16), "liqBonus": bits(w[0], 32, 16), "resFactor": bits(w[0], 64, 16),
            "borrowCap": bits(w[0], 80, 36), "supplyCap": bits(w[0], 116, 36), "eLtv": e_mode[0], "eliqThreshold": e_mode[1], "eliqBonus": e_mode[2],
            "liquidityIndex": w[1], "liquidityRate": w[2], "variableBorrowIndex": w[3], "variableBorrowRate": w[4], "stableBorrowRate": w[5],
            "lastUpdateTimestamp": w[6], "isolationModeTotalDebt": w[14], "availableLiquidity": one(asset, "balanceOf", a_token),
            "totalPrincipalStableDebt": principal, "averageStableRate": average, "stableDebtLastUpdateTimestamp": updated,
            "totalScaledVariableDebt": one(variable, "scaledTotalSupply"), "price": one(order["oracle"], "getAssetPrice", asset),
            "varRateSlope1": one(strategy, "getVariableRateSlope1"), "varRateSlope2": one(strategy, "getVariableRateSlope2"),
            "stableRateSlope1": one(strategy, "getStableRateSlope1"), "stableRateSlope2": one(strategy, "getStableRateSlope2"),
            "baseStableRate": one(strategy, "getBaseStableBorrowRate"), "baseVarRate": one(strategy, "getBaseVariableBorrowRate"),
            "optimalRate": one(strategy, "OPTIMAL_USAGE_RATIO"),
        }

    def decoded(log):
        kind = next(name for name, topic in order["topics"].items() if topic == log["topics"][0])
        topics, data = [int(topic, 16) for topic in log["topics"][1:]], words(log["data"])
        if kind == "LiquidationCall":
            args = {"collateralAsset": address(topics[0]), "debtAsset": address(topics[1]), "user": address(topics[2]), "debtToCover": data[0],
                    "liquidatedCollateralAmount": data[1], "liquidator": address(data[2]), "receiveAToken": bool(data[3])}
        elif kind == "Withdraw":
            args = {"user": address(topics[1]), "to": address(topics[2]), "amount": data[0]}
        elif kind == "Repay":
            args = {"user": address(topics[1]), "repayer": address(topics[2]), "amount": data[0], "useATokens": bool(data[1])}
        else:
            args = {"user": address(data[0]), "onBehalfOf": address(topics[1]), "amount": data[1], "referralCode": topics[2]}
            if kind == "Borrow":
                args.update(interestRateMode=data[2], borrowRate=data[3])
        if kind != "LiquidationCall":
            args["reserve"] = address(topics[0])
        return {"args": args, "event": kind, "address": log["address"], "blockNumber": int(log["blockNumber"], 16),
                "logIndex": int(log["logIndex"], 16), "transactionHash": log["transactionHash"]}

    epoch = {"epochId": order["epochId"], "begin": order["begin"], "end": order["end"]}
    chain = {}
    for block in range(epoch["begin"], epoch["end"] + 1):
        timestamp = int(rpc("eth_getBlockByNumber", hex(block), False)["timestamp"], 16)
        chain[block] = {"timestamp": timestamp, "reserves": {asset.lower(): reserve(asset, block) for asset in order["assets"]}}
    range_ = {"fromBlock": hex(epoch["begin"]), "toBlock": hex(epoch["end"])}
    logs = [decoded(log) for log in rpc("eth_getLogs", {"address": order["pool"], "topics": [list(order["topics"].values())], **range_})]
    supplies = {asset: total_supply(asset, chain, epoch) for asset in order["assets"]}
    ordered = sorted(order["assets"], key=str.lower)
    volumes = {asset: supply_volume(asset, chain, epoch, logs) for asset in order["assets"]}
    days = [(asset, volume_24h(epoch["epochId"], volumes[asset], [], False)) for asset in ordered]
    return {
        "totalSupply": {asset: text(snapshot) for asset, snapshot in supplies.items()},
        "supplyVolume": {asset: text(snapshot) for asset, snapshot in volumes.items()},
        "apr6h": {asset: text(apr_6h(epoch["epochId"], [], snapshot, False)) for asset, snapshot in supplies.items()},
        "volume24h": {asset: text(day) for asset, day in days},
        "topAssets": text(top_assets(epoch["epochId"], [supplies[asset] for asset in ordered], chain)),
        "stats": text(stats(epoch["epochId"], [supplies[asset] for asset in ordered], None)),
        "topVolume": text(top_volume(epoch["epochId"], days, chain[epoch["end"]]["reserves"], None)),
    }


# --- a made-up chain ----------------------------------------------------------------------------------------------

SEED = 20261126
RNG = random.Random(SEED)
EPOCH = {"epochId": 40, "begin": 98, "end": 101}  # Whose last blocks come first where keys are sorted.
POOL = "0x87870bca3f3fd6335c3f4ce8392d69350b4fa4e2"
# address, name, symbol, decimals, price in 10^-8 USD. SHARE has no decimals; NOTHING is listed, and nobody has supplied it.
ASSETS = [
    ("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "Wrapped Ether", "WETH", 18, 312345678901),
    ("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USD Coin", "USDC", 6, 99987654),
    ("0x2260fac5e5542a773aa44fbcfedf7c193bc2c599", "Wrapped BTC", "WBTC", 8, 6012345678912),
    ("0xfe00000000000000000000000000000000000001", "Share \u00e9", "SHARE", 0, 1234500000),
    ("0xff00000000000000000000000000000000000002", "", "NOTHING", 18, 0),
]
UNLISTED = "0xee00000000000000000000000000000000000003"
ACCOUNTS = ["0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359"]


def ray(low, high):
    return int(RNG.uniform(low, high) * 10**9) * 10**18 + RNG.randrange(10**18)


def make_reserve(name, symbol, decimals, price, time):
    empty, unit = symbol == "NOTHING", 10**decimals
    frozen = symbol == "SHARE"
    amount = lambda most: 0 if empty else RNG.randrange(most * unit)
    return {
        "name": name, "symbol": symbol, "decimals": decimals, "price": int(price * RNG.uniform(0.98, 1.02)),
        "ltv": 0 if frozen else RNG.randrange(5000, 8000), "liqThreshold": RNG.randrange(7000, 8500), "liqBonus": 0 if frozen else RNG.randrange(10400, 11000),
        "resFactor": RNG.randrange(1000, 3501), "borrowCap": RNG.randrange(10**6), "supplyCap": RNG.randrange(10**6),
        "eLtv": 9300 if symbol == "WETH" else 0, "eliqThreshold": 9500 if symbol == "WETH" else 0, "eliqBonus": 10100 if symbol == "WETH" else 0,
        "liquidityIndex": ray(1, 1.2), "variableBorrowIndex": ray(1, 1.4), "liquidityRate": 0 if empty else ray(0.001, 0.09),
        "variableBorrowRate": 0 if empty else ray(0.01, 0.4), "stableBorrowRate": ray(0.03, 0.5),
        "lastUpdateTimestamp": time - RNG.choice([0, 1, 2, 12, 3600, 86400 * 40]), "availableLiquidity": amount(2_000_000),
        "totalPrincipalStableDebt": 0 if frozen else amount(9_000), "averageStableRate": 0 if empty else ray(0.03, 0.5),
        "stableDebtLastUpdateTimestamp": 0 if empty else time - RNG.choice([0, 1, 86400 * 400]), "totalScaledVariableDebt": amount(900_000),
        "isolationModeTotalDebt": RNG.randrange(10**7) if frozen else 0,
        "varRateSlope1": ray(0.01, 0.08), "varRateSlope2": ray(0.3, 3.1), "stableRateSlope1": ray(0, 0.1), "stableRateSlope2": ray(0.3, 3.1),
        "baseStableRate": ray(0.01, 0.1), "baseVarRate": RNG.choice([0, 10**25, 1]), "optimalRate": RNG.choice([45, 80, 90]) * 10**25,
    }


def make_chain(epoch, first_time):
    chain = {}
    for block in range(epoch["begin"], epoch["end"] + 1):
        time = first_time + 12 * (block - epoch["begin"])
        chain[block] = {"timestamp": time, "reserves": {a.lower(): make_reserve(name, symbol, decimals, price, time) for a, name, symbol, decimals, price in ASSETS}}
    return chain


def make_logs(epoch):
    logs = []
    for block in range(epoch["begin"], epoch["end"] + 1):
        index = 0
        for _ in range(RNG.randrange(3, 9)):
            index += RNG.randrange(1, 5)
            asset, _, _, decimals, _ = RNG.choice(ASSETS[:4])
            user, other, kind = RNG.choice(ACCOUNTS), RNG.choice(ACCOUNTS), RNG.choice(KINDS)
            amount = RNG.randrange(50_000 * 10**decimals)
            args = {
                "Borrow": {"user": user, "onBehalfOf": other, "amount": amount, "interestRateMode": RNG.choice([1, 2]), "borrowRate": ray(0, 1), "referralCode": RNG.randrange(2**16)},
                "Repay": {"user": user, "repayer": other, "amount": amount, "useATokens": RNG.random() < 0.5},
                "Supply": {"user": user, "onBehalfOf": other, "amount": amount, "referralCode": 0},
                "Withdraw": {"user": user, "to": other, "amount": amount},
                "LiquidationCall": {"collateralAsset": asset.lower(), "debtAsset": RNG.choice([ASSETS[1][0], ASSETS[3][0], UNLISTED]).lower(), "user": user, "debtToCover": RNG.randrange(10**12),
                                    "liquidatedCollateralAmount": amount, "liquidator": other, "receiveAToken": RNG.random() < 0.5},
            }[kind]
            if kind != "LiquidationCall":
                args["reserve"] = asset.lower()
            logs.append({"args": args, "event": kind, "address": POOL, "blockNumber": block, "logIndex": index, "transactionHash": f"0x{RNG.getrandbits(256):064x}"})
    return logs


def stringed(value):
    if isinstance(value, dict):
        return {name: stringed(item) for name, item in value.items()}
    if isinstance(value, list):
        return [stringed(item) for item in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def make_vectors():
    edges = [0, 1, 2, HALF_RAY - 1, HALF_RAY, HALF_RAY + 1, RAY - 1, RAY, RAY + 1, 10**28 - 1, 10**28, 10**28 + 5, 2**128 - 1]
    numbers = edges + [RNG.randrange(10 ** RNG.randrange(1, 39)) for _ in range(40)]
    rates = [0, 1, RAY, 10**25, 2**128 - 1] + [ray(0, 2) for _ in range(25)]
    seconds = [0, 1, 2, 3, 12, YEAR, 10**9] + [RNG.randrange(10**8) for _ in range(5)]
    pairs = [(a, b) for a in edges for b in edges] + [(RNG.choice(numbers), RNG.choice(numbers)) for _ in range(300)]
    chain, logs = make_chain(EPOCH, 1_750_000_000), make_logs(EPOCH)
    supplies = {a: total_supply(a, chain, EPOCH) for a, *_ in ASSETS}
    volumes = {a: supply_volume(a, chain, EPOCH, logs) for a, *_ in ASSETS}
    ordered = sorted((a for a, *_ in ASSETS), key=str.lower)
    # Earlier epochs, of one block each.
    past = [{"epochId": EPOCH["epochId"] - back, "begin": 98 - back, "end": 98 - back} for back in range(6, 0, -1)]
    past_chains = [(epoch, make_chain(epoch, 1_749_000_000 + 12 * epoch["begin"]), make_logs(epoch)) for epoch in past]
    earlier_supplies = {a: [total_supply(a, c, e) for e, c, _ in past_chains] for a in supplies}
    earlier_volumes = {a: [supply_volume(a, c, e, l) for e, c, l in past_chains] for a in supplies}
    quarters = {a: [apr_6h(epoch_id, [], earlier_supplies[a][i], i > 1) for i, epoch_id in enumerate([40, 39, 37, 35])] for a in supplies}
    days = {a: volume_24h(EPOCH["epochId"], volumes[a], earlier_volumes[a], True) for a in supplies}
    before_stats = stats(34, [earlier_supplies[a][0] for a in ordered], None)
    before_volume = top_volume(34, [(a, volume_24h(34, earlier_volumes[a][0], [], False)) for a in ordered if a != ASSETS[0][0]], past_chains[0][1][92]["reserves"], None)
    end = chain[EPOCH["end"]]["reserves"]
    return {
        "rayMul": [stringed([a, b, ray_mul(a, b)]) for a, b in pairs],
        "compounded": [stringed([rate, dt, compounded(rate, dt)]) for rate in rates for dt in seconds],
        "fromRay": [[str(value), repr(from_ray(value))] for value in numbers + rates],
        "apy": [[str(rate), repr(apy(rate))] for rate in rates if rate < 10 * RAY],
        "epoch": EPOCH, "pool": POOL, "assets": [a for a, *_ in ASSETS],
        "chain": {str(block): stringed(state) for block, state in chain.items()}, "logs": stringed(logs),
        "totalSupply": {a: text(s) for a, s in supplies.items()}, "supplyVolume": {a: text(s) for a, s in volumes.items()},
        "earlier": {a: {"totalSupply": [text(s) for s in earlier_supplies[a]], "supplyVolume": [text(s) for s in earlier_volumes[a]]} for a in supplies},
        "apr6h": {a: text(apr_6h(EPOCH["epochId"], earlier_supplies[a], supplies[a], True)) for a in supplies},
        "quarters": {a: [text(q) for q in quarters[a]] for a in supplies}, "apr24h": {a: text(apr_24h(40, quarters[a])) for a in supplies},
        "volume24h": {a: text(day) for a, day in days.items()},
        "topAssets": text(top_assets(40, [supplies[a] for a in ordered], chain)),
        "beforeStats": text(before_stats), "stats": text(stats(40, [supplies[a] for a in ordered], before_stats)),
        "beforeVolume": text(before_volume),
        "topVolume": text(top_volume(40, [(a, days[a]) for a in ordered], {a: end[a.lower()] for a in days}, before_volume)),
    }


if __name__ == "__main__":
    result = compute_chain(json.load(sys.stdin)) if sys.argv[1:] == ["chain"] else make_vectors()
    print(json.dumps(result, indent=1))
