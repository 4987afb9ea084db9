"""Nothing happens when a task fails for good."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._failures import hooks
from harness.rules._words import several


class FailureHookMissing(Rule):
    """No signal receiver, on_failure, link_error or dead letter exchange hears of failed tasks.

    Of high severity where the contract promises dead letters. A receiver of an installed package counts.
    """

    id = "DLQ001"
    severity = Severity.MEDIUM
    why = "A failed task leaves a result that expires, and nobody hears of it: it is lost."
    mend = (
        "Connect task_failure (and task_internal_error, task_revoked, task_unknown), or use a dead letter "
        "exchange."
    )
    source = "celery/app/trace.py: handle_failure sends task_failure; docs: Signals"
    proof = "scenarios/rules/test_dead_letters.py::test_without_a_hook_nothing_is_left_of_a_failed_task"

    def check(self, app: Configuration) -> Iterator[Finding]:
        bare = [task for task in app.tasks if "on_failure" not in (app.task(task).get("overrides") or {})]
        if not bare or hooks(app) - {"on_failure"}:
            return
        tiers = [tier.name for tier in app.contract.tiers if tier.dead_letter] if app.contract else []
        what = f"no signal, no errback, no on_failure, no dead letter exchange: {several(bare)}"
        if tiers:
            what += f"; the contract promises dead letters for {several(tiers)}"
        yield self.found(app, "task_failure", what, severity=Severity.HIGH if tiers else self.severity)
