"""Code says that an action is history: a case, with or without an effect, whatever else is said about it."""

from __future__ import annotations

import pytest

from schemas.messages.actions import LABEL, Effect, ErrorInfo, Labels
from tests.support.charges import Charges


@pytest.mark.parametrize(
    "labels", [Labels("RML3", None), Labels(None, "escalate-history"), Labels("RML2", "escalate-history")]
)
@pytest.mark.parametrize("failed", [False, True])
def test_a_label_alone_opens_a_case_without_entries(labels: Labels, failed: bool) -> None:
    world = Charges()
    error = ErrorInfo("MailError", "sent to the wrong customer") if failed else None
    action = world.act("support-triage", "mail.send", "customers/17", labels=labels, traits=LABEL, error=error)
    world.run_to(2)
    (case,) = world.cases()
    assert (case.world, case.reason, case.action_id, case.entries) == ("RML3", "label", action, ())
    assert len(world.incidents()) == int(failed), "the label takes nothing from the failure"


def test_a_labelled_effect_opens_a_case_that_names_its_entry() -> None:
    world = Charges()
    effect = Effect("payout", "120000", "EUR", "vendor-3", "po_1")
    world.act("payer", "payout.send", "vendors/3", effect=effect, labels=Labels("RML3", None), traits=LABEL)
    world.run_to(2)
    (case,) = world.cases()
    assert [n.hash for n in case.entries] == [e.hash for e in world.entries()]


def test_other_labels_open_nothing() -> None:
    world = Charges()
    world.act("agent", "noop", "r", labels=Labels("RML1", "retry-with-backoff"), traits=LABEL)
    world.run_to(2)
    assert not world.cases()
