"""A suppression that keeps nothing."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class SuppressionUnused(Rule):
    """A suppression silences nothing: the finding is gone, moved, or the rule does not exist."""

    id = "SUP002"
    severity = Severity.MEDIUM
    why = "It reads as a known risk that is not there, and would hide the next one."
    mend = "Remove it, or correct rule, line or subject."
    source = "this tool"
    unshown = "it is about this tool, not about Celery"
    of_suppressions = True

    def check(self, app: Configuration) -> Iterator[Finding]:
        for each in app.suppressions:
            if not each.used and each.reason:
                yield self.found(app, each.rule, "nothing that it could keep was found", each.where)
