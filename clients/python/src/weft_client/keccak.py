"""Keccak-256, the hash of the EVM (not SHA3-256): from OpenSSL 3.2 or newer, or from pycryptodome."""

import hashlib

from .errors import WeftError


def _find():
    try:
        hashlib.new("keccak-256")
        return lambda data: hashlib.new("keccak-256", data).digest()
    except ValueError:
        pass
    try:
        from Crypto.Hash import keccak
    except ImportError:
        return None
    return lambda data: keccak.new(digest_bits=256, data=data).digest()


_keccak = _find()


def has_keccak():
    return _keccak is not None


def keccak256(data):
    """32 bytes. Raises `KECCAK_MISSING`."""
    if _keccak is None:
        raise WeftError("KECCAK_MISSING")
    return _keccak(bytes(data))
