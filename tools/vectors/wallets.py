"""Writes snapshots of wallets as Python computes them from made-up receipts: python3 tools/vectors/wallets.py > test/vectors/wallets.json

An own reading of spec/08 section 7 and of computes/wallets/README.md. Integers of `blocks` stand as strings; `snapshots` holds the canonical text,
by project type and data source, of those that have one.
"""
import json
import random

SEED = 20261126
BEGIN, END = 500, 503
RNG = random.Random(SEED)
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
OTHER_TOPIC = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"

# The examples of EIP-55, and addresses without letters.
CHECKSUMMED = [
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
] + ["0x" + digit * 40 for digit in "12345"]
SPELLED = {text.lower(): text for text in CHECKSUMMED}
PEOPLE = [text.lower() for text in CHECKSUMMED[:4]] + ["0x" + "1" * 40]
TOKENS = ["0x" + "2" * 40, "0x" + "3" * 40]
SILENT = "0x" + "9" * 40
WALLETS = PEOPLE[:3] + [SILENT]
PAIRS = [(PEOPLE[0], TOKENS[0]), (PEOPLE[0], TOKENS[1]), (PEOPLE[1], PEOPLE[2]), (SILENT, TOKENS[0])]


def word(text):
    return "0x" + text[2:].rjust(64, "0")


def make_log(index):
    kind = RNG.choice(["erc20", "erc20", "erc20", "erc721", "approval", "odd"])
    sender, receiver = RNG.choice(PEOPLE), RNG.choice(PEOPLE)
    value = RNG.choice([0, 1, 2**256 - 1, RNG.randrange(10**24)])
    topics = [OTHER_TOPIC if kind == "approval" else TRANSFER, word(sender), word(receiver)]
    if kind == "erc721":
        return {"address": RNG.choice(TOKENS), "topics": topics + [word("0x7")], "data": "0x", "logIndex": index}
    data = "0x" if kind == "odd" else word(hex(value))
    return {"address": RNG.choice(TOKENS), "topics": topics, "data": data, "logIndex": index}


def make_blocks():
    blocks = {}
    for number in range(BEGIN, END + 1):
        transactions, logs = [], 0
        for index in range(0 if number == BEGIN + 1 else 9):
            succeeded = RNG.random() < 0.8
            made = [make_log(logs + each) for each in range(RNG.randrange(4) if succeeded else 0)]
            logs += len(made)
            transactions.append(
                {
                    "hash": "0x%064x" % RNG.randrange(2**256),
                    "blockNumber": number,
                    "index": index,
                    "from": RNG.choice(PEOPLE),
                    "to": RNG.choice(PEOPLE + TOKENS + TOKENS + [None]),
                    "value": str(RNG.choice([0, 0, 1, RNG.randrange(10**21)])),
                    "input": "0x",
                    "isSuccess": succeeded,
                    "logs": made,
                }
            )
        blocks[number] = transactions
    return blocks


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def activity(blocks, wallet):
    every = [each for number in sorted(blocks) for each in blocks[number]]
    transactions = [each for each in every if wallet in (each["from"], each["to"])]
    transfers = []
    for each in every:
        for log in each["logs"]:
            if len(log["topics"]) != 3 or log["topics"][0] != TRANSFER or len(log["data"]) != 66:
                continue
            sender, receiver = ("0x" + topic[26:] for topic in log["topics"][1:])
            if wallet in (sender, receiver):
                transfers.append((each, log, sender, receiver))
    if not transactions and not transfers:
        return None
    moved = [each for each in transactions if each["isSuccess"]]
    return {
        "wallet": SPELLED[wallet],
        "chainHeightRange": {"begin": BEGIN, "end": END},
        "timestamp": 1_700_000_000 + END,
        "transactions": [
            {
                "hash": each["hash"],
                "blockNumber": each["blockNumber"],
                "from": SPELLED[each["from"]],
                "to": SPELLED[each["to"]] if each["to"] else "",
                "value": int(each["value"]),
                "isSuccess": each["isSuccess"],
            }
            for each in transactions
        ],
        "transfers": [
            {
                "token": SPELLED[log["address"]],
                "from": SPELLED[sender],
                "to": SPELLED[receiver],
                "value": int(log["data"], 16),
                "transactionHash": each["hash"],
                "blockNumber": each["blockNumber"],
                "logIndex": log["logIndex"],
            }
            for each, log, sender, receiver in transfers
        ],
        "valueSent": sum(int(each["value"]) for each in moved if each["from"] == wallet),
        "valueReceived": sum(int(each["value"]) for each in moved if each["to"] == wallet),
    }


def interaction(blocks, wallet, contract):
    for transactions in blocks.values():
        if any(each["from"] == wallet and each["to"] == contract for each in transactions):
            return {"wallet_address": SPELLED[wallet], "contract_address": SPELLED[contract]}
    return None


blocks = make_blocks()
snapshots = {
    "eth:wallet_activity": {wallet: activity(blocks, wallet) for wallet in WALLETS},
    "eth:tracking_wallet_interaction": {f"{wallet}_{contract}": interaction(blocks, wallet, contract) for wallet, contract in PAIRS},
}
written = {
    kind: {source: canonical(snapshot) for source, snapshot in of_kind.items() if snapshot is not None} for kind, of_kind in snapshots.items()
}
config = {"wallets": WALLETS, "interactions": [{"wallet": wallet, "contract": contract} for wallet, contract in PAIRS]}
epoch = {"epochId": 3, "begin": BEGIN, "end": END}
print(json.dumps({"epoch": epoch, "config": config, "blocks": blocks, "snapshots": written}, indent=1))
