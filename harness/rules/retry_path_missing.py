"""A task that is never tried again."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._retries import own_retry, retries


class RetryPathMissing(Rule):
    """A task has neither autoretry_for nor a call of self.retry(): one failure is final.

    Of high severity where the contract promises that the task's tier retries.
    """

    id = "RTY001"
    severity = Severity.MEDIUM
    why = "A database that restarts or a mail server that is busy for a second fails the task for good."
    mend = "Name the failures that pass in autoretry_for, in the decorator or in a base class."
    source = "celery/app/autoretry.py: add_autoretry_behaviour, which does nothing without autoretry_for"
    proof = "scenarios/rules/test_retries.py::test_a_task_without_a_retry_path_fails_at_once"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for task in app.tasks:
            if retries(app, task) or own_retry(app, task):
                continue
            tier = app.tier(task)
            promised = tier is not None and tier.retry is not None and bool(tier.retry.on)
            what = "it has no autoretry_for and never calls self.retry()"
            if promised and tier is not None:
                what += f"; the contract promises retries for the tier {tier.name}"
            severity = Severity.HIGH if promised else self.severity
            yield self.found(app, task, what, app.place(task), severity=severity)
