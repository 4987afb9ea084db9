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
    known = {_identity(each) for each in _found(base)}
    return tuple(_finding(each) for each in _found(head) if _identity(each) not in known)


def _found(revision: Revision) -> list[finding.Finding]:
    snapshot, workdir, contract = revision
    findings = lint.judged(lint.configured(snapshot, workdir, contract), lint.rules())
    told = [each for each in findings if each.severity is not finding.Severity.UNKNOWN]
    return [each for each in told if not each.suppressed]


def _identity(found: finding.Finding) -> tuple[str, str, str]:
    return (found.rule, found.subject, found.what)


def _finding(found: finding.Finding) -> Finding:
    return Finding(found.rule, found.severity.value, found.subject, found.what, found.where, found.mend)
