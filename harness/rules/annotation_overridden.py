"""An annotation that something stronger overrides."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class AnnotationOverridden(Rule):
    """An annotation has no effect, because '*', the decorator or an earlier binding of the task wins.

    Celery applies the exact name first and `'*'` over it, the reverse of what one expects; autoretry's
    options of the decorator beat annotations; and a task that is bound already is not annotated again.
    """

    id = "ANN003"
    severity = Severity.MEDIUM
    why = "A limit meant for one task is replaced by the one meant for all others."
    mend = "Never set the same attribute in '*' and in an exact name; give tasks their own in the decorator."
    source = "celery/app/annotations.py: resolve_all; celery/app/task.py: annotate; celery/app/autoretry.py"
    proof = "scenarios/rules/test_annotations.py::test_the_star_wins_over_the_exact_name"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for row in app.settings.get("annotations_without_effect") or ():
            if row.get("attribute") and "reads no such" not in str(row.get("why")):
                yield self.found(
                    app,
                    str(row["key"]),
                    f"{row['attribute']} has no effect: {row.get('why')}",
                    str(row.get("origin", "")),
                )
