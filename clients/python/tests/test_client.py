import unittest
from unittest.mock import patch

from weft_client import Client, WeftError
from weft_client.client import Project
from weft_client.cid import snapshot_cid_of

from .world import Endpoint, RawEndpoint, refused

PROJECT = "pairContract_pair_total_reserves:0xpair:weft:uniswapv2"


def text_of(epoch_id):
    return f'{{"epochId":{epoch_id},"price":{epoch_id}.5,"raw":12345678901234567890}}'


def told(epoch_id, **fields):
    text = fields.get("text", text_of(epoch_id))
    return {
        "projectId": PROJECT,
        "epochId": epoch_id,
        "status": "finalized",
        "snapshotCid": snapshot_cid_of(text.encode()),
        "batchCid": "bafkreibatch",
        "text": text,
        **fields,
    }


ABSENT = {"projectId": PROJECT, "epochId": 16, "status": "absent", "reason": {"code": "epoch_not_released", "message": "It is still to come."}}


def api(*points):
    def answer(path, query, _):
        if path == f"/v1/projects/{PROJECT}/latest":
            return 200, points[-1]
        if path == f"/v1/projects/{PROJECT}/epochs":
            start, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
            page = {"items": points[start : start + limit]}
            return 200, {**page, "nextCursor": str(start + limit)} if start + limit < len(points) else page
        if path == "/v1/epochs/7":
            return 200, {"epochId": 7}
        found = [point for point in points if path == f"/v1/projects/{PROJECT}/epochs/{point['epochId']}"]
        return (200, found[0]) if found else (404, ABSENT)

    return answer


class World(unittest.TestCase):
    def start(self, answer):
        endpoint = Endpoint(answer)
        self.addCleanup(endpoint.close)
        return endpoint

    def start_raw(self, data, seconds=0):
        endpoint = RawEndpoint(data, seconds)
        self.addCleanup(endpoint.close)
        return endpoint

    def failure_of(self, act):
        with self.assertRaises(WeftError) as caught:
            act()
        return caught.exception


class Reading(World):
    def test_the_latest_data_point_with_every_digit(self):
        endpoint = self.start(api(told(15)))
        point = Client(endpoint.url).project(PROJECT).latest()
        self.assertEqual((point.epoch_id, point.status, point.verified), (15, "finalized", "none"))
        self.assertEqual(point.value, {"epochId": 15, "price": 15.5, "raw": 12345678901234567890})
        self.assertEqual(endpoint.asked, [f"/v1/projects/{PROJECT}/latest?data=false&text=true"])

    def test_why_there_is_none(self):
        point = Client(self.start(api(told(15))).url).project(PROJECT).at(16)
        self.assertEqual((point.status, point.reason["code"], point.value), ("absent", "epoch_not_released", None))

    def test_a_range_page_by_page(self):
        endpoint = self.start(api(*map(told, range(11, 16))))
        points = Client(endpoint.url, page_length=2).project(PROJECT).range(from_epoch=11)
        self.assertEqual([point.epoch_id for point in points], [11, 12, 13, 14, 15])
        self.assertEqual(len(endpoint.asked), 3)

    def test_any_route(self):
        self.assertEqual(Client(self.start(api()).url).get("/v1/epochs/{epochId}", epochId=7), {"epochId": 7})

    def test_a_list_without_end_and_items_ends(self):
        endpoint = self.start(lambda *_: (200, {"items": [], "nextCursor": "on"}))
        self.assertEqual(list(Client(endpoint.url).projects()), [])
        self.assertEqual(len(endpoint.asked), 100)

    def test_a_failure_without_facts_has_no_empty_brackets(self):
        self.assertNotIn("()", str(WeftError("KECCAK_MISSING")))

    def test_options_that_cannot_be_are_told_all_at_once(self):
        failure = self.failure_of(lambda: Client(["ftp://here"], verify="proof", agree=3, page_length=0))
        self.assertEqual(failure.code, "CLIENT_OPTIONS_INVALID")
        self.assertEqual([problem.split(":")[0] for problem in failure.facts["problems"]], ["api", "api", "rpc", "market", "agree", "page_length"])


    def test_proofs_without_keccak_are_refused_with_what_to_install(self):
        with patch("weft_client.client.has_keccak", lambda: False):
            failure = self.failure_of(lambda: Client("http://a", verify="proof", rpc="http://b", market="0x" + "11" * 20))
        self.assertEqual(failure.code, "KECCAK_MISSING")
        self.assertIn("pip install", str(failure))


class Endpoints(World):
    def test_the_next_one_answers_where_one_does_not_and_is_preferred_then(self):
        for broken in (lambda *_: refused(500, "REQUEST_FAILED"), lambda *_: refused(429, "QUEUE_FULL"), lambda *_: (200, b"<html>"), lambda *_: (302, b"")):
            problems = []
            first, second = self.start(broken), self.start(api(told(15)))
            project = Client([first.url, second.url], on_problem=problems.append).project(PROJECT)
            self.assertEqual([project.latest().epoch_id, project.latest().epoch_id], [15, 15])
            self.assertEqual((len(first.asked), len(second.asked)), (1, 2))
            self.assertEqual([problem.code for problem in problems], ["API_FAILED"])

    def test_the_next_one_answers_where_one_speaks_no_http(self):
        head = b"HTTP/1.1 200 OK\r\n"
        for data in (
            b"hello\r\n\r\n",
            head + b"content-length: 100\r\n\r\n{}",
            head + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
            head + b"transfer-encoding: chunked\r\n\r\nff\r\n{}",
            head + b"a: b\r\n" * 1_000 + b"\r\n{}",
            head + b"a: " + b"b" * 100_000 + b"\r\n\r\n{}",
        ):
            with self.subTest(data[:60]):
                problems = []
                urls = [self.start_raw(data).url, self.start(api(told(15))).url]
                self.assertEqual(Client(urls, on_problem=problems.append).project(PROJECT).latest().epoch_id, 15)
                self.assertEqual([problem.code for problem in problems], ["API_FAILED"])

    def test_one_that_drips_is_given_up_in_time(self):
        data = b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n" + b"[" + b" " * 38 + b"]"
        failure = self.failure_of(lambda: Client(self.start_raw(data, seconds=3).url, timeout=0.5).get("/v1/status"))
        self.assertEqual(failure.code, "API_FAILED")
        self.assertIn("timed out", failure.facts["detail"])

    def test_what_one_refuses_no_other_is_asked(self):
        first, second = self.start(lambda *_: refused(400, "REQUEST_INVALID")), self.start(api(told(15)))
        failure = self.failure_of(lambda: Client([first.url, second.url]).project(PROJECT).latest())
        self.assertEqual((failure.code, failure.facts["refusal"], second.asked), ("API_REFUSED", "REQUEST_INVALID", []))

    def test_one_that_is_behind_or_has_forgotten_is_not_the_last_that_is_asked(self):
        for code in ("epoch_forgotten", "not_indexed"):
            lacking = {**ABSENT, "epochId": 15, "reason": {"code": code, "message": code}}
            first, second = self.start(lambda *_: (404, lacking)), self.start(api(told(15)))
            self.assertEqual(Client([first.url, second.url]).project(PROJECT).at(15).status, "finalized")
            point = Client([first.url, first.url]).project(PROJECT).at(15)
            self.assertEqual((point.status, point.reason["code"]), ("absent", code))
        # Any other reason is an answer.
        first, second = self.start(api(told(15))), self.start(api(told(16)))
        self.assertEqual(Client([first.url, second.url]).project(PROJECT).at(16).status, "absent")
        self.assertEqual(second.asked, [])

    def test_nobody_is_there(self):
        endpoint = Endpoint(api())
        endpoint.close()
        self.assertEqual(self.failure_of(lambda: Client(endpoint.url).get("/v1/status")).code, "API_FAILED")


class Agreement(World):
    def setUp(self):
        self.problems = []
        self.honest = api(told(14), told(15))
        # Value and CID are of one another: alone, this liar is caught by a proof only.
        self.liar = api(told(14), told(15, text='{"price":9.5}'))

    def project(self, *answers, agree=2, **options):
        self.urls = [self.start(answer).url for answer in answers]
        return Client(self.urls, agree=agree, on_problem=self.problems.append, **options).project(PROJECT)

    def named(self):
        return [(problem.code, problem.facts.get("step"), problem.facts["endpoint"][: len(self.urls[0])]) for problem in self.problems]

    def test_a_liar_is_outvoted_and_named(self):
        project = self.project(self.liar, self.honest, self.honest, verify="cid")
        self.assertEqual(project.latest().value["price"], 15.5)
        self.assertEqual(self.named(), [("VERIFICATION_FAILED", "agreement", self.urls[0])])
        self.assertEqual([point.value["price"] for point in project.range()], [14.5, 15.5])

    def test_one_that_is_caught_by_itself_is_named_for_that(self):
        caught = api({**told(15), "text": "{}"})
        self.assertEqual(self.project(self.honest, caught, self.honest, verify="cid").latest().value["price"], 15.5)
        self.assertEqual(self.named(), [("VERIFICATION_FAILED", "cid", self.urls[1])])

    def test_one_that_is_gone_does_not_hurt_where_enough_are_left(self):
        self.assertEqual(self.project(self.honest, lambda *_: refused(503, "QUEUE_FULL"), self.honest).latest().epoch_id, 15)
        self.assertEqual(self.named(), [("API_FAILED", None, self.urls[1])])

    def test_too_few_are_no_answer_and_each_is_told_with_what_it_said(self):
        project = self.project(self.liar, self.honest, lambda *_: refused(503, "QUEUE_FULL"))
        failure = self.failure_of(project.latest)
        self.assertEqual((failure.code, failure.facts["agreeing"], failure.facts["needed"]), ("ENDPOINTS_DISAGREE", 1, 2))
        self.assertRegex(failure.facts["about"], f"{self.urls[0]}: .*; {self.urls[1]}: .*; {self.urls[2]}: API_FAILED$")

    def test_one_that_is_behind_is_told_as_that_and_not_as_one_that_contradicts(self):
        behind = api(told(14))
        self.assertEqual(self.project(behind, self.honest, self.honest).latest().epoch_id, 15)
        self.assertEqual(self.named(), [("ENDPOINT_APART", None, self.urls[0])])
        unfetched = api({name: value for name, value in told(15).items() if name != "text"})
        for slow, ask in ((behind, Project.latest), (unfetched, Project.latest), (behind, lambda project: list(project.range()))):
            project = self.project(self.honest, slow)
            failure = self.failure_of(lambda: ask(project))
            self.assertEqual((failure.code, failure.facts["endpoint"]), ("ENDPOINT_APART", self.urls[1]))

    def test_those_who_are_behind_hide_no_liar(self):
        project = self.project(self.liar, self.honest, api(told(14)))
        self.assertEqual(self.failure_of(project.latest).code, "ENDPOINTS_DISAGREE")

    def test_a_refusal_that_enough_agree_upon_is_the_answer(self):
        refusing = lambda *_: refused(400, "REQUEST_INVALID")
        self.assertEqual(self.failure_of(self.project(refusing, self.honest, refusing).latest).code, "API_REFUSED")

    def test_any_route_is_compared_but_not_what_each_says_of_itself(self):
        clients = [self.start(lambda *_, said=said: (200, {"points": said, "items": [{"projectId": str(said)}]})).url for said in (1, 2)]
        client = Client(clients, agree=2)
        self.assertEqual(client.get("/v1/status")["points"], 1)
        for act in (lambda: client.get("/v1/validators"), lambda: list(client.projects())):
            self.assertEqual(self.failure_of(act).code, "ENDPOINTS_DISAGREE")

    def test_more_than_there_are_cannot_agree(self):
        failure = self.failure_of(lambda: Client(["http://a", "http://b"], agree=3))
        self.assertEqual(failure.facts["problems"], ["agree: 3 of the 2 endpoints cannot agree"])


class Lies(World):
    def caught(self, point, step, verify="cid"):
        endpoint = self.start(lambda *_: (200, point))
        failure = self.failure_of(lambda: Client(endpoint.url, verify=verify).project(PROJECT).at(15))
        self.assertEqual((failure.code, failure.facts["step"], failure.facts["endpoint"]), ("VERIFICATION_FAILED", step, endpoint.url))

    def test_the_truth(self):
        self.assertEqual(Client(self.start(api(told(15))).url, verify="cid").project(PROJECT).at(15).verified, "cid")

    def test_about_the_value(self):
        self.caught({**told(15), "text": '{"price":9.5}'}, "cid")

    def test_about_the_cid(self):
        self.caught(told(15, snapshotCid=snapshot_cid_of(b"{}")), "cid")
        self.caught(told(15, snapshotCid=None), "cid")

    def test_about_epoch_and_project(self):
        self.caught(told(14), "asked", verify="none")
        self.caught(told(15, projectId="other:weft"), "asked", verify="none")

    def test_epochs_that_were_not_asked_for_or_come_twice(self):
        for points, asked in (((14,), {"from_epoch": 15}), ((16,), {"to_epoch": 15}), ((14, 15, 15), {})):
            project = Client(self.start(api(*map(told, points))).url).project(PROJECT)
            self.assertEqual(self.failure_of(lambda: list(project.range(**asked))).facts["step"], "asked")

    def test_beside_an_honest_endpoint(self):
        problems = []
        liar, honest = self.start(api({**told(15), "text": "{}"})), self.start(api(told(15)))
        point = Client([liar.url, honest.url], verify="cid", on_problem=problems.append).project(PROJECT).latest()
        self.assertEqual(point.value["epochId"], 15)
        self.assertEqual([problem.facts["endpoint"] for problem in problems], [liar.url])

    def test_snapshots_that_are_no_json_beside_an_honest_endpoint(self):
        for verify in ("none", "cid"):
            for text in ('{"price":', "[" * 100_000, "9" * 5_000, "\ud800"):
                with self.subTest(f"{verify} {text[:9]!r}"):
                    problems = []
                    cid = snapshot_cid_of(text.encode(errors="replace"))
                    liar, honest = self.start(api({**told(15), "text": text, "snapshotCid": cid})), self.start(api(told(15)))
                    point = Client([liar.url, honest.url], verify=verify, on_problem=problems.append).project(PROJECT).latest()
                    self.assertEqual(point.value["epochId"], 15)
                    self.assertEqual([problem.facts["endpoint"] for problem in problems], [liar.url])

    def test_of_no_form(self):
        for point in ({}, {**told(15), "epochId": "15"}, {**told(15), "status": "true"}, {**told(15), "text": 5}, {**told(15), "reason": 7}, []):
            endpoint = self.start(lambda *_: (200, point))
            self.assertEqual(self.failure_of(lambda: Client(endpoint.url).project(PROJECT).at(15)).code, "API_FAILED")
