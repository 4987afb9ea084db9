"""Static rules that a change breaks and the base did not."""

from __future__ import annotations

from pathlib import Path

from harness import finding, lint
from harness.comparison import Finding
from harness.contract import Contract
from harness.settings import Settings

Revision = tuple[Settings, Path, Contract]
"""The snapshot of an app, its working directory and its contract."""


def newly_broken(base: Revision | None, head: Revision) -> tuple[Finding, ...] | None:
    """What rules find at the head and did not find at the base; None without a base."""
    if base is None:
        return None
    known = {identity(each) for each in found(base)}
    return tuple(_finding(each) for each in found(head) if identity(each) not in known)


def found(revision: Revision) -> list[finding.Finding]:
    """What rules find in a revision, but for what is unknown, or kept for a reason."""
    snapshot, workdir, contract = revision
    findings = lint.judged(lint.configured(snapshot, workdir, contract), lint.rules())
    told = [each for each in findings if each.severity is not finding.Severity.UNKNOWN]
    return [each for each in told if not each.suppressed]


def identity(found: finding.Finding) -> tuple[str, str, str]:
    """What makes two findings the same, wherever they stand."""
    return (found.rule, found.subject, found.what)


def _finding(found: finding.Finding) -> Finding:
    return Finding(found.rule, found.severity.value, found.subject, found.what, found.where, found.mend)
