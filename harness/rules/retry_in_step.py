"""Automatic retries that all come at the same moment."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._retries import autoretries, own_retry


class RetryInStep(Rule):
    """A task retries automatically at a fixed rhythm, or backs off without jitter.

    Only tasks whose base class does not compute the countdown itself are judged.
    """

    id = "RTY002"
    severity = Severity.MEDIUM
    why = "Tasks that failed together come back together, and hit what just came up again all at once."
    mend = "Set retry_backoff, and leave retry_jitter on."
    source = "celery/app/autoretry.py; celery/utils/time.py: get_exponential_backoff_interval"
    proof = "scenarios/rules/test_retries.py::test_retries_without_jitter_come_in_step"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for task in app.tasks:
            if not autoretries(app, task) or own_retry(app, task):
                continue
            backoff, jitter = app.option(task, "retry_backoff"), app.option(task, "retry_jitter")
            if not backoff.value:
                delay = app.option(task, "default_retry_delay").value
                origin = app.option(task, "autoretry_for").origin
                yield self.found(app, task, f"no retry_backoff: every retry comes after {delay:g} s", origin)
            elif not jitter.value:
                yield self.found(
                    app, task, "retry_jitter is off: equal failures wait equally long", jitter.origin
                )
