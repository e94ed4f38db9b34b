import json
from unittest.mock import patch

from weft_client import Client
from weft_client.endpoints import Endpoints
from weft_client.stream import events_of, follow

from .test_client import PROJECT, World, told
from .world import refused


def event(event_id, data, kind="point"):
    return f"id: {event_id}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"


class Streams(World):
    def setUp(self):
        self.problems = []

    def follow(self, *endpoints):
        """Without pauses; and what is told of events is their ids."""
        urls = [endpoint.url for endpoint in endpoints]
        asked = Endpoints(urls, 5, None, self.problems.append)
        return follow(asked, "/v1/stream", lambda kind, body, _: body["epochId"], self.problems.append, sleep=lambda _: None)

    def connections(self, *connections):
        """An endpoint whose connections say this, one after the other; and where each was to go on."""
        places = []

        def answer(_, __, headers):
            places.append(headers.get("last-event-id"))
            return connections[min(len(places), len(connections)) - 1]

        return self.start(answer), places

    def test_goes_on_behind_the_last_event_and_tells_none_twice(self):
        endpoint, places = self.connections(
            ["id: start\n\n: heartbeat\n\n", event("a", told(14)), event("b", told(15))[:20]],
            [event("a", told(14)), event("b", told(15)), 'event: cut\ndata: {"reason":"slow"}\n\n', event("d", told(99))],
            [event("c", told(16))],
        )
        events = self.follow(endpoint)
        self.assertEqual([next(events) for _ in range(3)], [14, 15, 16])
        events.close()
        self.assertEqual(places, [None, "a", "b"])

    def test_that_was_away_for_too_long_says_so_and_goes_on_from_there(self):
        endpoint, places = self.connections([event("a", told(14))], [event("now", {"reason": "gone"}, "cut")], [event("b", told(15))])
        events = Client(endpoint.url).project(PROJECT).stream()
        self.assertEqual([next(events)[0], next(events), next(events)[1].epoch_id], ["point", ("cut", {"reason": "gone"}), 15])
        self.assertEqual(places, [None, "a", "now"])

    def test_that_breaks_before_its_first_event_goes_on_from_where_it_began(self):
        endpoint, places = self.connections(["id: start\n\n"], [event("a", told(14))])
        self.assertEqual(next(self.follow(endpoint)), 14)
        self.assertEqual(places, [None, "start"])

    def test_goes_to_the_next_endpoint_when_its_own_fails(self):
        first, _ = self.connections([event("a", told(14))], refused(503, "QUEUE_FULL"))
        second, places = self.connections([event("b", told(15))])
        events = self.follow(first, second)
        self.assertEqual([next(events), next(events)], [14, 15])
        self.assertEqual((places, [problem.code for problem in self.problems]), (["a"], ["API_FAILED"]))

    def test_ends_when_it_is_refused_or_nobody_is_there(self):
        refusing, _ = self.connections(refused(400, "REQUEST_INVALID"))
        self.assertEqual(self.failure_of(lambda: next(self.follow(refusing))).code, "API_REFUSED")
        away, _ = self.connections(refused(503, "QUEUE_FULL"))
        self.assertEqual(self.failure_of(lambda: next(self.follow(away, away))).code, "API_FAILED")

    def test_of_a_project_has_its_values_and_catches_a_liar(self):
        undone = {"projectId": PROJECT, "epochId": 15}
        endpoint, _ = self.connections([event("a", told(15)), event("b", undone, "undone"), event("c", {**told(16), "text": "{}"})])
        events = Client(endpoint.url, verify="cid").project(PROJECT).stream()
        kind, point = next(events)
        self.assertEqual((kind, point.value["epochId"], point.verified), ("point", 15, "cid"))
        self.assertEqual(next(events), ("undone", undone))
        self.assertEqual(self.failure_of(lambda: next(events)).facts["step"], "cid")
        self.assertEqual(endpoint.asked[0], f"/v1/stream?project={PROJECT}&kind=point&kind=undone&text=true")

    def test_goes_on_only_from_what_every_endpoint_can_be_asked(self):
        for place in ("zażółć", "p" * 10_000, "a\rx-api-key: b"):
            with self.subTest(place[:10]):
                first, _ = self.connections([event("a", told(14)), event(place, told(15))])
                second, places = self.connections([event("b", told(16))])
                events = self.follow(first, second)
                self.assertEqual([next(events), next(events), places], [14, 16, ["a"]])

    def test_goes_to_the_next_endpoint_when_its_own_breaks_off_in_a_chunk(self):
        data = event("a", told(14)).encode()
        chunk = b"%x\r\n%s\r\n" % (len(data), data)
        first = self.start_raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk + b"ff\r\nid: ")
        second, places = self.connections([event("b", told(15))])
        events = self.follow(first, second)
        self.assertEqual([next(events), next(events), places], [14, 15, ["a"]])

    def test_an_event_without_an_end_is_given_up(self):
        with patch("weft_client.stream.EVENT_BYTES_MAX", 1_000):
            for lines in (["data: " + "x" * 2_000], ["data: " + "x" * 90 + "\n"] * 20):
                endpoint, _ = self.connections(lines)
                failure = self.failure_of(lambda: next(self.follow(endpoint)))
                self.assertEqual((failure.code, failure.facts["detail"]), ("API_FAILED", "an event is too long"))

    def test_events_are_read_as_the_standard_has_them(self):
        lines = b"id:7\r\ndata: a\r\ndata\r\ndata:  b\r\n\r\n: beat\n\nretry: 5\nevent: x\ndata: c\n\nid: 8\n\ndata: cut\n".splitlines(keepends=True)
        self.assertEqual(list(events_of(lines)), [("7", "message", "a\n\n b"), ("7", "x", "c"), ("8", "message", "")])
