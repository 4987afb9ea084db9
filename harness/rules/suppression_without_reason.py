"""A suppression without a reason."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class SuppressionWithoutReason(Rule):
    """A finding is to be ignored, and no reason is given: it is not ignored.

    Write `# harness: ignore[RTY001] reason` on the line, or an entry of `[[tool.celery-harness.ignore]]`.
    """

    id = "SUP001"
    severity = Severity.MEDIUM
    why = "Nobody can tell later whether it still holds."
    mend = "Say why: after the bracket, or as the reason of the entry."
    source = "this tool"
    unshown = "it is about this tool, not about Celery"
    of_suppressions = True

    def check(self, app: Configuration) -> Iterator[Finding]:
        for each in app.suppressions:
            if not each.reason:
                yield self.found(app, each.rule, "it gives no reason, and so it keeps nothing", each.where)
