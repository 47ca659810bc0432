"""A pager believes a page only with a fitting Standard Webhooks signature."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from gateway.demo.pager import verify

KEY = b"k" * 32
SECRET = "whsec_" + base64.b64encode(KEY).decode()
BODY = b'{"data":{}}'


def headers(body=BODY, key=KEY, stamp="1000", message="n-1"):
    digest = hmac.new(key, f"{message}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message,
        "webhook-timestamp": stamp,
        "webhook-signature": "v1,AAAA v1," + base64.b64encode(digest).decode(),
    }


def test_a_signed_page_is_believed():
    assert verify(SECRET, headers(), BODY, 1_000) is None
    assert verify(SECRET, headers(), BODY, 1_299) is None


@pytest.mark.parametrize(
    ("secret", "sent", "body", "now", "problem"),
    [
        ("", headers(), BODY, 1_000, "no secret is known yet"),
        (SECRET, {}, BODY, 1_000, "webhook-id or webhook-timestamp is missing"),
        (SECRET, headers(stamp="now"), BODY, 1_000, "webhook-id or webhook-timestamp is missing"),
        (SECRET, headers(), BODY, 1_301, "the timestamp is too old or too new"),
        (SECRET, headers(), BODY + b" ", 1_000, "no signature fits"),
        (SECRET, headers(key=b"x" * 32), BODY, 1_000, "no signature fits"),
        (SECRET, {**headers(), "webhook-id": "n-2"}, BODY, 1_000, "no signature fits"),
        (SECRET, {**headers(), "webhook-signature": ""}, BODY, 1_000, "no signature fits"),
    ],
)
def test_anything_else_is_refused_with_its_reason(secret, sent, body, now, problem):
    assert verify(secret, sent, body, now) == problem
