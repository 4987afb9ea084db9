"""An annotation for a task that the app does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class AnnotationWithoutTask(Rule):
    """An annotation's key names a task that the app does not have."""

    id = "ANN004"
    severity = Severity.MEDIUM
    why = "A mistyped or renamed task runs without the options that somebody gave it."
    mend = "Write the task's registered name (celery -A APP inspect registered)."
    source = "celery/app/annotations.py: MapAnnotation.annotate looks up the exact name"
    proof = "scenarios/rules/test_annotations.py::test_a_mistyped_name_reaches_no_task"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for row in app.settings.get("annotations_without_effect") or ():
            if row.get("attribute") is None and not any(sign in str(row["key"]) for sign in "*?["):
                yield self.found(
                    app,
                    str(row["key"]),
                    f"the app has no task of this name{_near(row)}",
                    str(row.get("origin", "")),
                )


def _near(row: Mapping[str, Any]) -> str:
    return f"; perhaps {row['near']} was meant" if row.get("near") else ""
