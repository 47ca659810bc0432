"""The secret of a form, written differently on every page.

Pages are compressed, and they repeat what somebody typed into an address. A secret that always looks the same could
then be guessed from the lengths of answers, letter by letter; under a mask that is drawn anew it cannot.
"""

from __future__ import annotations

import hmac
import secrets


def masked(secret: str) -> str:
    """The secret for a form: a random mask, and the secret under it, in hexadecimal."""
    plain = secret.encode()
    mask = secrets.token_bytes(len(plain))
    return mask.hex() + _over(plain, mask).hex()


def unmasked(given: object) -> str:
    """What `masked` was given; empty when it is not that."""
    if not isinstance(given, str):
        return ""
    try:
        whole = bytes.fromhex(given)
        return _over(whole[len(whole) // 2 :], whole[: len(whole) // 2]).decode()
    except ValueError:
        return ""


def theirs(given: object, secret: str) -> bool:
    """Does a form carry this secret?"""
    return hmac.compare_digest(unmasked(given).encode(), secret.encode())


def _over(plain: bytes, mask: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(plain, mask, strict=True))
