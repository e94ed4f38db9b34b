"""What Weft's data are read with."""

import json
import re
from dataclasses import dataclass, field

from .cid import is_unicode, snapshot_cid_of
from .endpoints import Blocks, Endpoints, address_of, refusal_of
from .errors import WeftError, expect_same
from .keccak import has_keccak
from .proof import Trust, block_number_of, check_proof
from .stream import follow

_STATUSES = ("pending", "finalized", "disputed", "absent")
_STEPS = {"absent": 0, "pending": 1, "disputed": 2, "finalized": 3}
# Of what is absent, what says that it is so for good; all else may be had of an endpoint that is further, or keeps more.
_NEVER = ("epoch_skipped", "window_over", "not_batched")
_PAGE_LENGTH_MAX = 1_000
# In these each endpoint speaks of itself, or of the sequencers that it was told of.
_OWN = ("/v1/status", "/v1/refusals")
# A list that ends has no more of these in a row.
_EMPTY_PAGES_MAX = 100


@dataclass(frozen=True)
class Point:
    """
    One project in one epoch. `verified` says how far it was checked here: `cid`, that `value` is what has this `snapshot_cid`; `proof`, also that the
    market holds it as final, in the batch `batch_cid`. All else, and what is in `told`, is the word of the endpoint.
    """

    project_id: str
    epoch_id: int
    status: str
    verified: str
    snapshot_cid: "str | None" = None
    batch_cid: "str | None" = None
    # Where there is no data point, or no bytes of it: `code`, `message` and facts.
    reason: "dict | None" = None
    # The snapshot: there only where it is verified as the client was asked to. With `proof`, what is not final yet has none.
    value: object = None
    text: "str | None" = None
    told: dict = field(default_factory=dict, repr=False)


class Client:
    """
    `api`: one URL, or several that hold the same market. `verify`: `none`, `cid` or `proof`; for `proof` also `rpc`, JSON-RPC endpoints of the anchor
    chain of which `agree` (more than half, unless said) must name the same block, and `market`, the address of the data market that is meant. Without
    `proof`, `agree` of the endpoints of the api must say the same; unless said, one answers. `on_problem` is told of whatever another endpoint, or
    another connection, has made good. Raises `CLIENT_OPTIONS_INVALID`.
    """

    def __init__(
        self,
        api,
        *,
        verify="none",
        rpc=(),
        agree=None,
        market=None,
        anchor_chain_id=None,
        key=None,
        timeout=30,
        page_length=100,
        on_problem=lambda problem: None,
    ):
        problems = []
        urls = _urls("api", api, problems)
        rpc_urls = _urls("rpc", rpc, problems)
        most = len(rpc_urls) // 2 + 1
        if verify not in ("none", "cid", "proof"):
            problems.append(f"verify: {verify} is none of none, cid, proof")
        if not urls:
            problems.append("api: at least one URL")
        if verify == "proof" and not rpc_urls:
            problems.append("rpc: verify='proof' needs the endpoints of the anchor chain whose word you take")
        if verify == "proof" and re.fullmatch(r"0x[0-9a-fA-F]{40}", market or "") is None:
            problems.append("market: verify='proof' needs the address of the market that you mean")
        asked = rpc_urls if verify == "proof" else urls
        if agree is not None and not 1 <= agree <= len(asked):
            problems.append(f"agree: {agree} of the {len(asked)} endpoints cannot agree")
        if not 1 <= page_length <= _PAGE_LENGTH_MAX:
            problems.append(f"page_length: from 1 to {_PAGE_LENGTH_MAX}")
        if problems:
            raise WeftError("CLIENT_OPTIONS_INVALID", problems=problems)
        if verify == "proof" and not has_keccak():
            raise WeftError("KECCAK_MISSING")
        self._verify = verify
        self._market = market
        self._chain_id = anchor_chain_id
        self._page_length = page_length
        self._report = on_problem
        self._endpoints = Endpoints(urls, timeout, key, on_problem, None if verify == "proof" else agree)
        self._blocks = Blocks(rpc_urls, most if agree is None else agree, timeout, on_problem)

    def project(self, project_id):
        """One project, whose data are read and followed."""
        return Project(self, project_id)

    def projects(self, search=None, type=None, source=None):
        """What is known of each project, by id."""
        fields = {"search": search, "type": type, "source": source}
        return self._items("/v1/projects", fields, lambda items, _: items, lambda item: item)

    def get(self, path, **fields):
        """The answer of any route of the api, as `/v1/epochs/{epochId}`: nothing of it is verified."""

        def read(status, body, endpoint):
            if status != 200:
                raise refusal_of(endpoint, status, body)
            return body

        return self._endpoints.ask(address_of(path, fields), read, None if path in _OWN else lambda body: body)

    # --- for projects ------------------------------------------------------------------------------------------------

    def _items(self, path, fields, read, essence, progress=lambda item: 0):
        """
        Goes through the pages as items are taken. `read(items, endpoint)` makes of those of a page what is given out, alike where `essence(item)` is;
        `progress(item)` is how far an endpoint is that has it.
        """
        cursor, empty_pages = None, 0
        while True:

            def read_page(status, body, endpoint):
                if status != 200:
                    raise refusal_of(endpoint, status, body)
                items = body.get("items") if isinstance(body, dict) else None
                following = body.get("nextCursor") if isinstance(body, dict) else None
                if not isinstance(items, list) or not (following is None or isinstance(following, str)):
                    raise WeftError("API_FAILED", endpoint=endpoint, detail="the answer is no page of a list")
                return read(items, endpoint), following

            asked = {**fields, "limit": self._page_length, "cursor": cursor}
            items, cursor = self._endpoints.ask(
                address_of(path, asked),
                read_page,
                lambda page: [essence(item) for item in page[0]],
                progress=lambda page: sum(progress(item) for item in page[0]),
            )
            yield from items
            empty_pages = 0 if items else empty_pages + 1
            if cursor is None or empty_pages >= _EMPTY_PAGES_MAX:
                return

    def _point(self, told, asked, endpoint):
        """Raises `API_FAILED` where it is no data point, `VERIFICATION_FAILED` where it is not what was asked for, or is not true."""
        if not _is_point(told):
            raise WeftError("API_FAILED", endpoint=endpoint, detail="the answer holds no data point where one belongs")
        for name, value in asked.items():
            expect_same("asked", value, told[name], endpoint)
        rest = {name: value for name, value in told.items() if name not in ("data", "text")}
        text = told.get("text")
        level = "none" if text is None else self._verified(told, endpoint)
        is_given = text is not None and level == self._verify
        return Point(
            project_id=told["projectId"],
            epoch_id=told["epochId"],
            status=told["status"],
            verified=level,
            snapshot_cid=told.get("snapshotCid"),
            batch_cid=told.get("batchCid"),
            reason=told.get("reason"),
            value=_json_of(text, endpoint) if is_given else None,
            text=text if is_given else None,
            told=rest,
        )

    def _verified(self, told, endpoint):
        if self._verify == "none":
            return "none"
        expect_same("cid", told.get("snapshotCid"), snapshot_cid_of(told["text"].encode()), endpoint)
        if self._verify == "cid" or told["status"] != "finalized":
            return "cid"
        self._prove(told, endpoint)
        return "proof"

    def _prove(self, told, endpoint):
        path = address_of("/v1/proofs/{projectId}/{epochId}", {"projectId": told["projectId"], "epochId": told["epochId"]})
        status, proof = self._endpoints.get(endpoint, path)
        if status != 200:
            raise refusal_of(endpoint, status, proof)
        number = block_number_of(proof)
        if number is None:
            raise WeftError("VERIFICATION_FAILED", step="block", expected="a proof with the header of a block", got="none", endpoint=endpoint)
        trust = Trust(self._blocks.hash_of(number), self._market, self._chain_id, told["projectId"], told["epochId"])
        link = None
        for link in check_proof(proof, trust):
            if not link.ok:
                raise WeftError("VERIFICATION_FAILED", step=link.step, expected="a proof that holds", got=link.detail, endpoint=endpoint)
        expect_same("cid", True, link is not None and link.data is not None, endpoint)
        # It is of this market, project and epoch. That it is of what was said besides is left to see.
        expect_same("snapshot_cid", proof["snapshotCid"], told.get("snapshotCid"), endpoint)
        expect_same("batch_cid", proof["batchCid"], told.get("batchCid"), endpoint)


class Project:
    def __init__(self, client, project_id):
        self._client = client
        self.project_id = project_id

    def latest(self, status=None):
        """Its newest data point that is final, or with `any` that is on chain; or why there is none. An endpoint may be behind, and no proof shows that."""
        return self._one("/v1/projects/{projectId}/latest", {"status": status}, {})

    def at(self, epoch_id):
        """Its data point of an epoch; where `status` is `absent`, `reason` says why."""
        return self._one("/v1/projects/{projectId}/epochs/{epochId}", {"epochId": epoch_id}, {"epochId": epoch_id})

    def range(self, from_epoch=None, to_epoch=None, last=None):
        """
        Its data points, ascending, from one epoch to another, both included, or the `last` so many. Epochs without one are left out: that an endpoint
        leaves out others too is not noticed.
        """
        previous = (from_epoch or 0) - 1

        def read(items, endpoint):
            newest, points = previous, []
            for item in items:
                point = self._client._point(item, {"projectId": self.project_id}, endpoint)
                if point.epoch_id <= newest or (to_epoch is not None and point.epoch_id > to_epoch):
                    wanted = f"an epoch from {newest + 1} to {to_epoch}"
                    raise WeftError("VERIFICATION_FAILED", step="asked", expected=wanted, got=point.epoch_id, endpoint=endpoint)
                newest = point.epoch_id
                points.append(point)
            return points

        fields = {"projectId": self.project_id, "from": from_epoch, "to": to_epoch, "last": last, "data": False, "text": True}
        for point in self._client._items("/v1/projects/{projectId}/epochs", fields, read, _essence_of, _progress_of):
            previous = point.epoch_id
            yield point

    def stream(self, status=None):
        """
        Yields `("point", Point)` whenever a data point gets another status, and `("undone", facts)` when a reorganisation takes away what was told of it:
        what holds then follows. `("cut", facts)` says that events before it are lost, and why: read what is there. It begins with what comes next; close
        it to end it.
        """

        def read(kind, body, endpoint):
            if not isinstance(body, dict):
                raise WeftError("API_FAILED", endpoint=endpoint, detail=f"the stream holds no JSON object in an event {kind}")
            if kind in ("undone", "cut"):
                return kind, body
            return (kind, self._client._point(body, {"projectId": self.project_id}, endpoint)) if kind == "point" else None

        fields = {"project": self.project_id, "status": status, "kind": ["point", "undone"], "text": True}
        return follow(self._client._endpoints, address_of("/v1/stream", fields), read, self._client._report)

    def _one(self, path, fields, asked):
        def read(status, body, endpoint):
            # What is absent is answered as such, under 404.
            is_absent = status == 404 and isinstance(body, dict) and body.get("status") == "absent"
            if status != 200 and not is_absent:
                raise refusal_of(endpoint, status, body)
            return self._client._point(body, {"projectId": self.project_id, **asked}, endpoint)

        address = address_of(path, {"projectId": self.project_id, **fields, "data": False, "text": True})
        return self._client._endpoints.ask(address, read, _essence_of, lambda point: (point.reason or {}).get("code"), _progress_of)


def _essence_of(point):
    """What endpoints that agree say alike: one may know sooner than another who attested."""
    return [point.project_id, point.epoch_id, point.status, point.snapshot_cid, point.text]


def _progress_of(point):
    """How far an endpoint is that says this of a point: the epoch, what became of the point in it, and whether its bytes are there."""
    is_over = point.status == "absent" and (point.reason or {}).get("code") in _NEVER
    return point.epoch_id * 8 + (7 if is_over else _STEPS[point.status] * 2 + (point.text is not None))


def _is_point(told):
    return (
        isinstance(told, dict)
        and isinstance(told.get("projectId"), str)
        and isinstance(told.get("epochId"), int)
        and not isinstance(told["epochId"], bool)
        and told.get("status") in _STATUSES
        and isinstance(told.get("reason"), (dict, type(None)))
        and all(told.get(name) is None or is_unicode(told[name]) for name in ("snapshotCid", "batchCid", "text"))
    )


def _json_of(text, endpoint):
    """An api has no text for what is no JSON: that there is one is its own fault, and another may do better. Raises `API_FAILED`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as failure:
        raise WeftError("API_FAILED", endpoint=endpoint, detail=f"a snapshot is no JSON: {failure}") from failure


def _urls(name, given, problems):
    urls = [url.rstrip("/") for url in ([given] if isinstance(given, str) else given)]
    good = [url for url in urls if re.match(r"https?://[^/?#]+[^?#]*$", url)]
    problems += [f"{name}: {url} is no address that begins with http: or https:" for url in urls if url not in good]
    return good
