"""What a static rule found in a configuration, as plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How bad it gets in production; ``unknown``: nothing that is known tells, and no build fails for it."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    UNKNOWN = "unknown"

    @property
    def weight(self) -> int:
        """3 for high, 1 for low, 0 for unknown: what outweighs what."""
        return {"high": 3, "medium": 2, "low": 1, "unknown": 0}[self.value]


@dataclass(frozen=True, slots=True)
class Finding:
    """One place in a configuration that a rule speaks of.

    `rule` is the stable id (``RTY001``) and `name` the rule's file (``retry_path_missing``). `where` is
    ``file:line`` of what put it there, relative to the app's folder, or in words where there is no line
    (``environment variable CELERY_BROKER_URL``). `subject` is the task, setting, queue or worker. `what`
    states the fact, `why` what it does in production, `mend` what to do, `source` where Celery or the
    broker says so. `suppressed` is the reason that somebody gave for keeping it; empty where nobody did.
    """

    rule: str
    name: str
    severity: Severity
    where: str
    subject: str
    what: str
    why: str
    mend: str
    source: str
    suppressed: str = ""

    @property
    def file(self) -> str:
        """The file of `where`; empty where it names none."""
        file, _, line = self.where.rpartition(":")
        return file if line.isdigit() else ""

    @property
    def line(self) -> int:
        """The line of `where`, counted from 1; 0 where it names none."""
        line = self.where.rpartition(":")[2]
        return int(line) if line.isdigit() else 0


@dataclass(frozen=True, slots=True)
class Lint:
    """What the rules found in one app; `findings` includes those that are kept for a reason."""

    app: str
    findings: tuple[Finding, ...]
    rules: int

    @property
    def open(self) -> list[Finding]:
        """The findings that nobody gave a reason for."""
        return [finding for finding in self.findings if not finding.suppressed]

    def counts(self) -> dict[str, int]:
        """How many of each severity, and how many are kept for a reason."""
        found = {each.value: sum(f.severity is each for f in self.open) for each in Severity}
        return {**found, "suppressed": len(self.findings) - len(self.open)}

    def failed(self, threshold: Severity) -> bool:
        """Whether a finding of this severity or a worse one is open; `unknown` never fails."""
        return any(f.severity.weight >= max(threshold.weight, 1) for f in self.open)


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, then by rule, place and subject: the same app gives the same order."""
    return sorted(
        findings, key=lambda f: (-f.severity.weight, f.rule, f.file, f.line, f.where, f.subject, f.what)
    )


def document(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings as plain data for JSON."""
    return [asdict(finding) | {"severity": finding.severity.value} for finding in findings]
