"""Questions to endpoints over HTTP. Nothing read is trusted; everything has a limit."""

import http.client
import io
import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from .errors import WeftError

# Bytes of one answer: a page of snapshots, of which the largest has half of that.
ANSWER_BYTES_MAX = 64 * 1024 * 1024


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


class _InTime(io.RawIOBase):
    """What comes over a connection up to one moment: a socket by itself waits for each part as long as it may for all."""

    def __init__(self, raw, connection):
        self._raw, self._connection = raw, connection
        self._until = time.monotonic() + connection.gettimeout()

    def readable(self):
        return True

    def readinto(self, buffer):
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._connection.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self):
        self._raw.close()
        super().close()


class _WholeAnswer(http.client.HTTPResponse):
    """Head and body together take no longer than the timeout."""

    def __init__(self, connection, *args, **options):
        super().__init__(connection, *args, **options)
        self.fp = io.BufferedReader(_InTime(self.fp.detach(), connection))


class _Connection(http.client.HTTPConnection):
    response_class = _WholeAnswer


class _SecureConnection(http.client.HTTPSConnection):
    response_class = _WholeAnswer


class _Whole(urllib.request.HTTPHandler):
    def http_open(self, request):
        return self.do_open(_Connection, request)


class _WholeSecure(urllib.request.HTTPSHandler):
    def https_open(self, request):
        return self.do_open(_SecureConnection, request, context=self._context)


_whole_opener = urllib.request.build_opener(_NoRedirection, _Whole, _WholeSecure)
_stream_opener = urllib.request.build_opener(_NoRedirection)
# What a stranger's HTTP can end in.
FAILURES = (OSError, ValueError, http.client.HTTPException)


def address_of(path, fields):
    """The path with its segments filled in, and what is left of the fields behind it as a query."""
    query = []
    for name, value in fields.items():
        if value is None:
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in values]
        if "{" + name + "}" in path:
            path = path.replace("{" + name + "}", quote(texts[0], safe=""))
        else:
            query += [(name, text) for text in texts]
    return f"{path}?{urlencode(query)}" if query else path


def open_stream(address, silence, headers):
    """The open answer, with status 200 or that of a refusal, which may be silent for so many seconds. Raises `API_FAILED`."""
    return _open(_stream_opener, address, silence, headers, None)


def _open(opener, address, timeout, headers, body):
    request = urllib.request.Request(address, data=body, headers={"user-agent": "weft-client", **(headers or {})})
    try:
        return opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as refusal:
        return refusal
    except FAILURES as failure:
        raise WeftError("API_FAILED", endpoint=address, detail=str(failure)) from failure


def get_json(address, timeout, headers=None, body=None):
    """Status and JSON, whatever the status, within `timeout` seconds. Raises `API_FAILED`."""
    try:
        with _open(_whole_opener, address, timeout, headers, body) as answer:
            data = answer.read(ANSWER_BYTES_MAX + 1)
            if len(data) > ANSWER_BYTES_MAX:
                raise ValueError(f"more than {ANSWER_BYTES_MAX} bytes: ask for shorter pages")
            return answer.status, json.loads(data)
    except (*FAILURES, RecursionError) as failure:
        raise WeftError("API_FAILED", endpoint=address, detail=str(failure)) from failure


def refusal_of(endpoint, status, body):
    """Of what no route answers with 200: `API_REFUSED` where asking again or elsewhere changes nothing, otherwise `API_FAILED`."""
    told = body if isinstance(body, dict) else {}
    detail = told["message"][:500] if isinstance(told.get("message"), str) else f"status {status}"
    if status not in (400, 404):
        return WeftError("API_FAILED", endpoint=endpoint, detail=detail)
    return WeftError("API_REFUSED", endpoint=endpoint, status=status, refusal=told.get("code", ""), detail=detail)


class Endpoints:
    """
    Several endpoints of one api: the next one answers where one does not, or lies, and the one that answered last is asked first; or, with `agree`, so
    many must say the same.
    """

    def __init__(self, urls, timeout, key, report, agree=None):
        self.urls = urls
        self.timeout = timeout
        self.headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._agree = agree
        self._report = report
        self._preferred = 0

    def ask(self, path, read, essence=None, lack=lambda value: None, progress=lambda value: 0):
        """
        What `read(status, body, endpoint)` makes of an answer; where it raises, the next endpoint is asked, unless that makes no difference, and so it is
        where `lack(value)` says that this one is behind or has forgotten. Endpoints that must agree do so upon `essence(value)`; without it, they are
        not compared. Those that differ in `progress(value)`, how far they have come, are behind or ahead, and contradict nobody. Raises
        `ENDPOINTS_DISAGREE`, `ENDPOINT_APART`.
        """
        if self._agree is None or essence is None:
            return self._ask_any(path, read, lack)
        return self._ask_several(path, read, essence, progress)

    def _ask_any(self, path, read, lack):
        failures, lacking = [], []
        for turn in range(len(self.urls)):
            index = (self._preferred + turn) % len(self.urls)
            endpoint = self.urls[index]
            try:
                value = read(*self.get(endpoint, path), endpoint)
            except WeftError as failure:
                if failure.is_final:
                    raise
                failures.append(failure)
                continue
            if lack(value) in _LACKED:
                lacking.append(value)
                continue
            self._preferred = index
            break
        else:
            if not lacking:
                raise next((each for each in failures if each.code == "VERIFICATION_FAILED"), failures[-1])
            value = lacking[0]
        for failure in failures:
            self._report(failure)
        return value

    def _ask_several(self, path, read, essence, progress):
        def answer_of(endpoint):
            try:
                value = read(*self.get(endpoint, path), endpoint)
                return _Answer(endpoint, json.dumps(essence(value), sort_keys=True), progress(value), value)
            except WeftError as failure:
                return _Answer(endpoint, failure.code, failure=failure)

        with ThreadPoolExecutor(len(self.urls)) as threads:
            answers = list(threads.map(answer_of, self.urls))
        all_said = [answer.said for answer in answers]
        agreeing = max(all_said.count(said) for said in all_said)
        if agreeing < self._agree:
            raise _too_few(answers, path, agreeing, self._agree)
        agreed = next(answer for answer in answers if all_said.count(answer.said) == agreeing)
        for answer in answers:
            if answer.said != agreed.said:
                self._report(answer.failure or _difference(agreed, answer))
        if agreed.failure is not None:
            raise agreed.failure
        return agreed.value

    def get(self, endpoint, path):
        return get_json(endpoint + path, self.timeout, {"accept": "application/json", **self.headers})


# What one endpoint lacks because of where its index begins and ends, and another may have.
_LACKED = ("epoch_forgotten", "not_indexed")
# Of what each endpoint said, in a message.
_SAID_LENGTH_MAX = 200


@dataclass(frozen=True)
class _Answer:
    endpoint: str
    # What it must agree upon with the others, as text; or the code of its failure.
    said: str
    # How far it has come; a failure has none.
    place: "int | None" = None
    value: object = None
    failure: "WeftError | None" = None


def _difference(agreed, other):
    """Why an endpoint says otherwise than those that agree."""
    if None in (agreed.place, other.place) or agreed.place == other.place:
        return WeftError("VERIFICATION_FAILED", step="agreement", expected=agreed.said, got=other.said, endpoint=other.endpoint)
    expected, got = agreed.said[:_SAID_LENGTH_MAX], other.said[:_SAID_LENGTH_MAX]
    return WeftError("ENDPOINT_APART", endpoint=other.endpoint, expected=expected, got=got)


def _too_few(answers, path, agreeing, needed):
    """Why there is no answer: enough of them answered and none contradicts another, then it is the one most behind; or they disagree."""
    in_order = sorted((answer for answer in answers if answer.place is not None), key=lambda answer: answer.place)
    is_contradicted = any(one.place == other.place and one.said != other.said for one, other in zip(in_order, in_order[1:]))
    if in_order and len(in_order) >= needed and not is_contradicted:
        return _difference(in_order[-1], in_order[0])
    told = "; ".join(f"{answer.endpoint}: {answer.said[:_SAID_LENGTH_MAX]}" for answer in answers)
    return WeftError("ENDPOINTS_DISAGREE", about=f"{path}: {told}", agreeing=agreeing, needed=needed)


class Blocks:
    """The hash of one block of the anchor chain, as several RPC endpoints name it: nothing else is asked of them."""

    def __init__(self, urls, agree, timeout, report):
        self._urls = urls
        self._agree = agree
        self._timeout = timeout
        self._report = report

    def hash_of(self, number):
        """Raises `ENDPOINTS_DISAGREE`."""
        said = [(url, self._ask(url, number)) for url in self._urls]
        answers = [answer for _, answer in said]
        hashes = [answer for answer in answers if answer.startswith("0x")]
        agreed = max(hashes, key=answers.count, default="")
        if answers.count(agreed) < self._agree:
            told = "; ".join(f"{url}: {answer}" for url, answer in said)
            raise WeftError("ENDPOINTS_DISAGREE", about=f"block {number}: {told}", agreeing=answers.count(agreed), needed=self._agree)
        for url, answer in said:
            if answer != agreed:
                self._report(WeftError("VERIFICATION_FAILED", step="block", expected=agreed, got=answer, endpoint=url))
        return agreed

    def _ask(self, url, number):
        call = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": [hex(number), False]}
        try:
            _, body = get_json(url, self._timeout, {"content-type": "application/json"}, json.dumps(call).encode())
        except WeftError as failure:
            return failure.facts["detail"]
        block = body.get("result") if isinstance(body, dict) else None
        found = block.get("hash") if isinstance(block, dict) else None
        return found.lower() if isinstance(found, str) and len(found) == 66 and found.startswith("0x") else "no such block"
