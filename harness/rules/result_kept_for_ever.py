"""Results that never expire."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import several


class ResultKeptForEver(Rule):
    """result_expires is None or 0, so results are never removed."""

    id = "RES002"
    severity = Severity.HIGH
    why = "The result backend fills up until it refuses writes, or evicts what others rely on."
    mend = "Give result_expires a duration, or ignore results that nobody asks for."
    source = "celery/backends/base.py: prepare_expires; docs: result_expires"
    proof = "scenarios/rules/test_results.py::test_results_without_an_expiry_stay"

    def check(self, app: Configuration) -> Iterator[Finding]:
        expires = app.conf("result_expires")
        storing = [task for task in app.tasks if not app.option(task, "ignore_result").value]
        if (
            app.value("result_backend")
            and storing
            and expires.value in (None, 0)
            and app.given("result_expires")
        ):
            what = f"results of {several(storing)} stay for ever"
            yield self.found(app, "result_expires", what, expires.origin)
