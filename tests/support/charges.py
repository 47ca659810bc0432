"""A pipeline in which agents charge customers, and what the ledger and its cases then say."""

from __future__ import annotations

from typing import Any

from schemas.messages.actions import Effect
from schemas.messages.rml import CaseEntriesAdded, CaseOpened, EffectEntered, EffectObservedAgain
from tests.support.world import World

ORDER = "orders/8812"


class Charges(World):
    """`charge` and `refund` are actions with an effect; `entries`, `cases` what came of them."""

    def charge(self, actor: str, reference: str | None, customer: str = "customer-17", **given: Any) -> bytes:
        """49.00 EUR from a customer for order 8812; returns the event id."""
        effect = Effect("charge", "4900", "EUR", customer, reference, "compensable")
        return self.act(actor, "payments.charge", ORDER, effect=effect, **given)

    def refund(self, actor: str, reference: str, **given: Any) -> bytes:
        """The same amount back to the customer."""
        effect = Effect("refund", "4900", "EUR", "customer-17", reference, "irreversible")
        return self.act(actor, "payments.refund", ORDER, effect=effect, **given)

    def entries(self) -> list[EffectEntered]:
        """The ledger."""
        return self.said("rml.events", EffectEntered)

    def again(self) -> list[EffectObservedAgain]:
        """Movements told once more."""
        return self.said("rml.events", EffectObservedAgain)

    def cases(self) -> list[CaseOpened]:
        """The cases; none has grown."""
        assert not self.said("rml.events", CaseEntriesAdded)
        return self.said("rml.events", CaseOpened)
