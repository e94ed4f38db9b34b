"""Failures: one class, told apart by code. The codes, their facts and what to do are those of docs/ERRORS.md."""

HELP = {
    "CLIENT_OPTIONS_INVALID": "Correct what is named; the types of the client, or its documentation, say what it takes.",
    "API_FAILED": "The endpoint gave no usable answer. Is the URL that of an api, and does it run? A client that is given several asks the next one.",
    "API_REFUSED": "The api does not answer this, and says why. `/openapi.json` of the endpoint lists its routes and what each takes.",
    "ENDPOINTS_DISAGREE": "Too few of the endpoints named say the same. Name others, or say with --agree how many are enough. The block of a proof may be of another chain, or a reorganisation took it: have the proof made anew.",
    "ENDPOINT_APART": "The endpoint is behind the others, or ahead of them: what it says contradicts none, and is not what enough of them say. Ask again; one that stays behind is stuck, or does not hold all.",
    "VERIFICATION_FAILED": "The endpoint said what does not hold. Use nothing of it, and ask another one.",
    "KECCAK_MISSING": "Checking proofs takes keccak-256, which this Python does not have. Install it: pip install 'weft-client[proof]'.",
}

# What asking again, or elsewhere, does not change.
_FINAL = {"CLIENT_OPTIONS_INVALID", "API_REFUSED", "KECCAK_MISSING"}


class WeftError(Exception):
    """A failure: its `code`, its `facts`, and in its text what to do."""

    def __init__(self, code, **facts):
        told = ", ".join(f"{name}: {value}" for name, value in facts.items())
        super().__init__(f"{code}{f' ({told})' if facts else ''}. {HELP[code]}")
        self.code = code
        self.facts = facts

    @property
    def is_final(self):
        """Whether asking another endpoint makes no difference."""
        return self.code in _FINAL


def expect_same(step, expected, got, endpoint):
    """Raises `VERIFICATION_FAILED` where they differ."""
    if got != expected:
        raise WeftError("VERIFICATION_FAILED", step=step, expected=expected, got=got, endpoint=endpoint)
