"""docs/producing.md tells direct producers how an effect's content key is made: the gateway makes the same."""

from __future__ import annotations

import re
from pathlib import Path

from gateway.http.action_json import translate

PAGE = Path(__file__).parents[3] / "docs" / "producing.md"


def test_the_content_key_of_the_page_is_the_gateways() -> None:
    text = re.search(r"```python\n(from hashlib.*?)```", PAGE.read_text(), re.DOTALL)
    assert text is not None
    names: dict[str, object] = {}
    exec(text[1], names)
    effect = {"kind": "charge", "amount": "12999", "currency": "EUR", "counterparty": "bob"}
    action = translate({"actor": "a", "type": "t", "resource": "till", "id": "1", "effect": effect}, "shop", 0)
    content_key = names["content_key"]
    assert callable(content_key)
    assert content_key("shop", "charge", "bob", "EUR", "12999", "till") == action.content_key
    bare = translate({"actor": "a", "type": "t", "resource": "till", "id": "1", "effect": {"kind": "mail"}}, "shop", 0)
    assert content_key("shop", "mail", None, None, None, "till") == bare.content_key
