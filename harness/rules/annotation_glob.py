"""An annotation with a pattern for a key."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class AnnotationGlob(Rule):
    """An annotation's key is a pattern; Celery matches exact task names and '*' alone.

    Patterns do work in `task_routes`, which is why they are written here too.
    """

    id = "ANN001"
    severity = Severity.HIGH
    why = "The limits, retries and acknowledgements that it gives reach no task."
    mend = "Write exact task names, a base class, or an object with annotate(task) in task_annotations."
    source = "celery/app/annotations.py: MapAnnotation; patterns in routes: celery/app/routes.py"
    proof = "scenarios/rules/test_annotations.py::test_a_pattern_reaches_no_task"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for row in app.settings.get("annotations_without_effect") or ():
            if row.get("attribute") is None and any(sign in str(row["key"]) for sign in "*?["):
                yield self.found(
                    app,
                    str(row["key"]),
                    f"the pattern {row['key']!r} matches no task",
                    str(row.get("origin", "")),
                )
