"""Retries of failures that cannot pass."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class RetryTooBroad(Rule):
    """A task retries any Exception, so also mistakes in the program, which no retry mends.

    By `autoretry_for=(Exception,)` without `dont_autoretry_for`, or by `self.retry()` in `except
    Exception`. It takes in `SoftTimeLimitExceeded` too: a task that is too slow is run again.
    """

    id = "RTY004"
    severity = Severity.MEDIUM
    why = "A TypeError uses up every retry over minutes or hours before anybody hears of it."
    mend = "Name the failures that pass (OSError, a client's connection errors), or exclude the others."
    source = "celery/app/autoretry.py; celery/exceptions.py: SoftTimeLimitExceeded is an Exception"
    proof = "scenarios/rules/test_retries.py::test_a_mistake_in_the_program_is_retried"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for task in app.tasks:
            covers = app.option(task, "covers").value or ()
            if "programming" in covers:
                option = app.option(task, "autoretry_for")
                names = ", ".join(str(each) for each in option.value or ())
                yield self.found(app, task, f"autoretry_for takes in {names}", option.origin)
            for call in app.task(task).get("retry_calls") or ():
                if "programming" in (call.get("catches") or ()):
                    yield self.found(
                        app, task, "self.retry() in an except clause for everything", str(call["at"])
                    )
