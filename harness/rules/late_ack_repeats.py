"""A task that is redelivered, and does its work again."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._idempotency import ACTIONS, UNIQUE, mentioned
from harness.rules._words import several


class LateAckRepeats(Rule):
    """A task is acknowledged late, leaves something behind, and nothing in it tells a second run from the
    first.

    Judged where a contract promises an effect at most once, and by the names that its source and what it
    calls mention (get_or_create, ON CONFLICT, select_for_update, an own `__call__`): a hint, no proof.
    """

    id = "ACK004"
    severity = Severity.MEDIUM
    why = (
        "After a lost worker the payment is made twice: the message comes again, the money was gone already."
    )
    mend = "Make the effect unique: a unique key for it, get_or_create, or a ledger in the same transaction."
    source = "docs: Tasks, acks_late: the task should be idempotent; celery/worker/request.py"
    proof = "scenarios/rules/test_redelivery.py::test_a_redelivered_task_pays_twice"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for task, function in app.functions():
            tier = app.tier(task)
            if tier is None or tier.effect is None or not app.option(task, "acks_late").value:
                continue
            said = mentioned(app, function)
            if said & ACTIONS and not said & UNIQUE:
                what = f"it calls {several(said & ACTIONS)}, and nothing in it recognises a second run"
                yield self.found(app, task, what, app.place(task))
