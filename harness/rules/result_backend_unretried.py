"""A result that is lost, or waited for without end, when the backend is down."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._versions import too_new
from harness.rules._words import several


class ResultBackendUnretried(Rule):
    """Results are stored, and a backend that is down loses them at once, or holds the child without end.

    Without `result_backend_always_retry` the task has run, its message is acknowledged, and its outcome is
    nowhere: not even `task_failure` is sent. With it, `result_backend_max_retries` is infinite by default.
    On Redis it needs Celery 5.5: before, no error of Redis is one to retry.
    """

    id = "RES001"
    severity = Severity.MEDIUM
    why = (
        "A restart of the result backend makes outcomes unknown, or stops every worker that finishes a task."
    )
    mend = (
        "Set result_backend_always_retry = True with a finite result_backend_max_retries; ignore_result "
        "where nobody asks."
    )
    source = (
        "celery/backends/base.py: store_result, always_retry; celery/app/defaults.py: max_retries=inf; "
        "celery/backends/redis.py: exception_safe_to_retry; celery#8588"
    )
    proof = "scenarios/rules/test_results.py::test_a_backend_that_is_down_loses_the_result"

    def check(self, app: Configuration) -> Iterator[Finding]:
        storing = [task for task in app.tasks if not app.option(task, "ignore_result").value]
        if not app.value("result_backend") or not storing:
            return
        always = app.conf("result_backend_always_retry")
        most = app.conf("result_backend_max_retries")
        if not always.value:
            what = f"a write that fails is not tried again; {several(storing)} store results"
            yield self.found(app, "result_backend_always_retry", what, always.origin)
        elif too_new(app, (5, 5)) and str(app.value("result_backend")).startswith(("redis", "sentinel")):
            what = "Celery before 5.5 tries a write to Redis that fails once, whatever this says"
            yield self.found(app, "result_backend_always_retry", what, always.origin)
        elif most.value in ("inf", None):
            what = "a write that fails is tried for ever, and the child waits for it"
            yield self.found(app, "result_backend_max_retries", what, most.origin)
