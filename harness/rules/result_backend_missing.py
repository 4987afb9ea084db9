"""Results that go nowhere."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import several


class ResultBackendMissing(Rule):
    """There is no result backend, and nobody said that results are to be ignored."""

    id = "RES003"
    severity = Severity.LOW
    why = "Whoever asks for a result gets NotImplementedError: No result backend is configured."
    mend = "Set result_backend, or task_ignore_result = True to say that results are not wanted."
    source = "celery/backends/base.py: DisabledBackend"
    unshown = "it is what Celery's own exception says, in the caller: no worker is needed to see it"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if app.value("result_backend") or app.value("task_ignore_result"):
            return
        storing = [task for task in app.tasks if not app.option(task, "ignore_result").value]
        if storing:
            what = f"what {several(storing)} return goes nowhere"
            yield self.found(app, "result_backend", what, app.conf("result_backend").origin)
