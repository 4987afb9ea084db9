"""An annotation that sets what Celery does not read."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class AnnotationAttribute(Rule):
    """An annotation sets an attribute that Celery does not read, such as retry_policy.

    It becomes an attribute of the task that nobody looks at. `retry_policy` is an argument of `apply_async`
    for the *publish*, not for the task.
    """

    id = "ANN002"
    severity = Severity.HIGH
    why = (
        "Retries, limits or priorities stay at their defaults, and the configuration reads as if they did "
        "not."
    )
    mend = "Set the option that Celery reads: max_retries, retry_backoff, rate_limit, time_limit, ..."
    source = "celery/app/task.py: annotate, extract_exec_options; celery#1394, celery#2457"
    proof = "scenarios/rules/test_annotations.py::test_an_attribute_that_nobody_reads_changes_nothing"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for row in app.settings.get("annotations_without_effect") or ():
            if row.get("attribute") and "reads no such" in str(row.get("why")):
                yield self.found(
                    app,
                    str(row["key"]),
                    f"Celery reads no attribute {row['attribute']!r} of a task",
                    str(row.get("origin", "")),
                )
