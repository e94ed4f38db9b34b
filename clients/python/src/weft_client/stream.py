"""Follows server-sent events over connections that end: none comes twice, and where an endpoint cannot go on from the last one, that is told."""

import json
import random
import re
import time
from collections import deque

from .endpoints import FAILURES, open_stream, refusal_of
from .errors import WeftError

# Three heartbeats of the api.
SILENCE_SECONDS_MAX = 45
# Between connections that fail one after the other.
_PAUSE_FIRST_SECONDS, _PAUSE_LAST_SECONDS = 0.5, 30
# What an endpoint sends again behind a reconnection lies within its latest events.
_REMEMBERED_MAX = 10_000
# One data point with its text, which JSON may write with six characters for one.
EVENT_BYTES_MAX = 64 * 1024 * 1024
# What every endpoint can be asked to go on from: one that no header holds would keep the others from being asked. Cursors of an api have 512
# characters at most.
_PLACE = re.compile(r"[\x21-\x7e]{1,512}")


def events_of(lines):
    """`(id, kind, data)` of each event of an open answer. An event that the end cuts off is none; an id may come alone, with empty data."""
    event_id, kind, data, has_id = None, "message", [], False
    for line in lines:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text == "":
            if data or has_id:
                yield event_id, kind, "\n".join(data)
            kind, data, has_id = "message", [], False
            continue
        name, _, value = text.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id":
            event_id, has_id = value, True


def _lines_of(answer, endpoint):
    length = 0
    while True:
        line = answer.readline(EVENT_BYTES_MAX + 1)
        length = length + len(line) if line.strip(b"\r\n") else 0
        if length > EVENT_BYTES_MAX:
            raise WeftError("API_FAILED", endpoint=endpoint, detail="an event is too long")
        if not line:
            return
        yield line


def follow(endpoints, path, read, report, sleep=time.sleep):
    """
    Yields what `read(kind, body, endpoint)` makes of each event, for ever: close it to end it. Raises `API_REFUSED`; and, where all endpoints fail
    without one event in between, before the first connection what they failed with, and `VERIFICATION_FAILED`.
    """
    last, seen, order = None, set(), deque()
    turn = failures = 0
    while True:
        endpoint = endpoints.urls[turn % len(endpoints.urls)]
        try:
            headers = {"accept": "text/event-stream", **endpoints.headers, **({} if last is None else {"last-event-id": last})}
            with open_stream(endpoint + path, SILENCE_SECONDS_MAX, headers) as answer:
                if answer.status != 200:
                    raise refusal_of(endpoint, answer.status, _json(answer.read(64 * 1024)))
                for event_id, kind, data in events_of(_lines_of(answer, endpoint)):
                    if event_id is None:
                        continue
                    if not _PLACE.fullmatch(event_id):
                        raise WeftError("API_FAILED", endpoint=endpoint, detail="the id of an event is no place to go on from")
                    # Cut for being slow: it goes on from its place. A cut with a place of its own says that what came before it is not told any more.
                    if kind == "cut" and event_id == last:
                        break
                    if event_id in seen:
                        continue
                    given = read(kind, _json(data), endpoint) if data else None
                    last = event_id
                    if data:
                        seen.add(event_id)
                        order.append(event_id)
                        if len(order) > _REMEMBERED_MAX:
                            seen.discard(order.popleft())
                    failures = 0
                    if given is not None:
                        yield given
        except (*FAILURES, WeftError) as failure:
            known = failure if isinstance(failure, WeftError) else WeftError("API_FAILED", endpoint=endpoint, detail=str(failure))
            turn, failures = turn + 1, failures + 1
            is_hopeless = last is None or known.code == "VERIFICATION_FAILED"
            if known.is_final or (is_hopeless and failures >= len(endpoints.urls)):
                raise known from failure
            report(known)
        pause = min(_PAUSE_LAST_SECONDS, _PAUSE_FIRST_SECONDS * 2 ** min(max(failures, 1) - 1, 10))
        sleep(pause * (0.5 + random.random() / 2))


def _json(text):
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
