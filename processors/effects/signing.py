"""Standard Webhooks, the sender's half: three headers, HMAC-SHA256 (`v1`) over id, time and body."""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import sha256

from schemas.errors import MandateError

PREFIX = "whsec_"
KEY_BYTES_MIN, KEY_BYTES_MAX = 24, 64


def key_of(secret: str) -> bytes:
    """The key inside `whsec_<base64>`. Raises MandateError `webhook_secret_invalid`, which never quotes the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise MandateError(
            "webhook_secret_invalid",
            "the tenant's webhook secret",
            f"it is not {PREFIX} followed by {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes in base64",
            "Let the gateway make a new one.",
        )
    return key


def headers(message_id: str, seconds: int, body: bytes, secret: str) -> dict[str, str]:
    """webhook-id, webhook-timestamp (seconds since 1970) and webhook-signature of a body."""
    signed = b".".join((message_id.encode(), b"%d" % seconds, body))
    digest = base64.b64encode(hmac.new(key_of(secret), signed, sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{digest}",
    }
