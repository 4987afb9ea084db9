"""A rate limit that Celery cannot read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule

READ = re.compile(r"\s*\d+(\.\d+)?\s*(/[smh])?\s*")


class RateLimitSyntax(Rule):
    """A rate limit is no number of runs a second, minute or hour, such as 10/m.

    Celery knows `/s`, `/m` and `/h`; `20/d` is a KeyError in the worker that meets the task.
    """

    id = "RAT001"
    severity = Severity.HIGH
    why = "The worker raises when it starts or resets its rate limits, and consumes nothing."
    mend = "Write it as N/s, N/m or N/h; a limit a day is 1/h or a matter for your own code."
    source = "celery/utils/time.py: rate, RATE_MODIFIER_MAP"
    proof = "scenarios/rules/test_limits.py::test_a_rate_limit_that_cannot_be_read_stops_the_worker"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for task in app.tasks:
            limit = app.option(task, "rate_limit")
            if isinstance(limit.value, str) and limit.value and not READ.fullmatch(limit.value):
                yield self.found(app, task, f"rate_limit {limit.value!r} is not readable", limit.origin)
