import base64
import json
import unittest
from pathlib import Path

from weft_client import Client
from weft_client.keccak import keccak256
from weft_client.proof import STEPS, Trust, block_number_of, check_proof

from tests.test_client import World
from tests.world import refused

VECTORS = json.loads((Path(__file__).parents[3] / "test/vectors/proof/proofs.json").read_text())
NAMES = {"blockHash": "block_hash", "dataMarket": "data_market", "anchorChainId": "anchor_chain_id", "projectId": "project_id", "epochId": "epoch_id"}


def trust_of(told):
    return Trust(**{NAMES[name]: value for name, value in told.items()})


class Vectors(unittest.TestCase):
    """The same as the TypeScript client's: docs/PROOF.md."""

    def test_keccak(self):
        self.assertEqual(keccak256(b"").hex(), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")

    def test_true_proofs_hold_to_the_end(self):
        for name in ("projects", "roots"):
            vector = VECTORS["proofs"][name]
            links = list(check_proof(vector["proof"], trust_of(vector["trust"])))
            self.assertEqual([(link.step, link.ok) for link in links], [(step, True) for step in STEPS], links[-1])
            self.assertEqual(links[-1].data, base64.b64decode(vector["proof"]["snapshot"]))

    def test_each_case_fails_where_it_should(self):
        for case in VECTORS["cases"]:
            with self.subTest(case["name"]):
                vector = VECTORS["proofs"][case["on"]]
                proof = {**vector["proof"], **case.get("set", {})}
                proof.pop(case.get("without"), None)
                links = list(check_proof(proof, trust_of({**vector["trust"], **case.get("trust", {})})))
                self.assertEqual((links[-1].step, links[-1].ok), (case["failsAt"], False), links[-1].detail)
                self.assertTrue(all(link.ok for link in links[:-1]))

    def test_whatever_it_is_nothing_is_raised(self):
        true = VECTORS["proofs"]["projects"]["proof"]
        half = "\ud800"
        for proof in (None, [], "x", 5, {}, {"format": "weft-proof"}, {**true, "header": "0xc0"}, {**true, "batchCid": half}, {**true, "snapshotCid": half}):
            links = list(check_proof(proof, trust_of(VECTORS["proofs"]["projects"]["trust"])))
            self.assertFalse(links[-1].ok)
            block_number_of(proof)


PROOF = VECTORS["proofs"]["projects"]["proof"]
TRUST = VECTORS["proofs"]["projects"]["trust"]
PENDING = VECTORS["proofs"]["pending"]["proof"]
LIE = '{"epochId":1,"price":9.5,"project":"pair:0x08:PROOF"}'
ANOTHER_HASH = "0x" + "11" * 32


def told_of(proof, **fields):
    names = ("projectId", "epochId", "snapshotCid", "batchCid")
    return {**{name: proof[name] for name in names}, "status": "finalized", "text": base64.b64decode(proof["snapshot"]).decode(), **fields}


class Proving(World):
    def rpc(self, block_hash=TRUST["blockHash"]):
        return self.start(lambda *_: (200, {"jsonrpc": "2.0", "id": 1, "result": {"hash": block_hash}})).url

    def api(self, told, proof):
        return self.start(lambda path, *_: (200, proof if path.startswith("/v1/proofs/") else told)).url

    def at(self, api, rpc=None, epoch_id=1, **options):
        rpc = rpc or [self.rpc()]
        client = Client(api, verify="proof", rpc=rpc, market=TRUST["dataMarket"], anchor_chain_id=31337, **options)
        return client.project(PROOF["projectId"]).at(epoch_id)

    def caught(self, told, proof, step, epoch_id=1):
        failure = self.failure_of(lambda: self.at(self.api(told, proof), epoch_id=epoch_id))
        self.assertEqual((failure.code, failure.facts["step"]), ("VERIFICATION_FAILED", step), failure)

    def test_the_truth_is_proved(self):
        point = self.at(self.api(told_of(PROOF), PROOF))
        self.assertEqual((point.verified, point.value), ("proof", {"epochId": 1, "price": 1.5, "project": "pair:0x08:PROOF"}))

    def test_liars_are_caught(self):
        from weft_client.cid import snapshot_cid_of

        lie_cid = snapshot_cid_of(LIE.encode())
        other = VECTORS["proofs"]["roots"]["proof"]
        self.caught(told_of(PROOF, text=LIE), PROOF, "cid")
        self.caught(told_of(PROOF, text=LIE, snapshotCid=lie_cid), PROOF, "snapshot_cid")
        self.caught(told_of(PROOF, batchCid=lie_cid), PROOF, "batch_cid")
        self.caught(told_of(PENDING), PENDING, "final", epoch_id=PENDING["epochId"])
        self.caught(told_of(PROOF), other, "asked")
        self.caught(told_of(PROOF), {**PROOF, "dataMarket": "0x" + "11" * 20}, "asked")
        self.caught(told_of(PROOF), {**PROOF, "anchorChainId": 1}, "asked")
        self.caught(told_of(PROOF), {**PROOF, "record": other["record"]}, "batch")
        self.caught(told_of(PROOF), {**PROOF, "cidSiblings": other["cidSiblings"]}, "cids_root")
        self.caught(told_of(PROOF), {"hello": "world"}, "block")

    def test_what_is_not_final_has_no_value(self):
        point = self.at(self.api(told_of(PENDING, status="pending"), PENDING), epoch_id=PENDING["epochId"])
        self.assertEqual((point.status, point.verified, point.value, point.text), ("pending", "cid", None, None))

    def test_what_is_not_proved_is_not_given_out(self):
        api = self.start(lambda path, *_: refused(404, "NOT_BATCHED") if path.startswith("/v1/proofs/") else (200, told_of(PROOF))).url
        self.assertEqual(self.failure_of(lambda: self.at(api)).code, "API_REFUSED")

    def test_rpc_endpoints_of_which_one_lies(self):
        problems = []
        rpc = [self.rpc(ANOTHER_HASH), self.rpc(), self.rpc()]
        self.assertEqual(self.at(self.api(told_of(PROOF), PROOF), rpc, on_problem=problems.append).verified, "proof")
        self.assertEqual([(problem.facts["step"], problem.facts["endpoint"]) for problem in problems], [("block", rpc[0])])

    def test_rpc_endpoints_that_do_not_agree(self):
        rpc = [self.rpc(ANOTHER_HASH), self.rpc()]
        failure = self.failure_of(lambda: self.at(self.api(told_of(PROOF), PROOF), rpc))
        self.assertEqual((failure.code, failure.facts["agreeing"], failure.facts["needed"]), ("ENDPOINTS_DISAGREE", 1, 2))
        most_lie = [self.rpc(ANOTHER_HASH), self.rpc(ANOTHER_HASH), self.rpc()]
        self.assertEqual(self.failure_of(lambda: self.at(self.api(told_of(PROOF), PROOF), most_lie)).facts["step"], "block")
