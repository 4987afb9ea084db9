"""What ``lint`` found, as text for people and as one JSON document for programs."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from harness.finding import Finding, Lint, Severity, document

WIDTH = 110
UNKNOWN_SHOWN = 3
"""How many subjects an unknown line names; the others are counted."""


def as_json(found: Lint) -> str:
    """``{"app", "rules", "counts", "findings"}``; each finding has the fields of `Finding`."""
    whole = {
        "app": found.app,
        "rules": found.rules,
        "counts": found.counts(),
        "findings": document(found.findings),
    }
    return json.dumps(whole, indent=2) + "\n"


def as_text(found: Lint, *, verbose: bool = False) -> str:
    """Rule by rule, the worst first, every place of it; at the end what is unknown and what is kept."""
    known = [finding for finding in found.open if finding.severity is not Severity.UNKNOWN]
    unknown = [finding for finding in found.open if finding.severity is Severity.UNKNOWN]
    kept = [finding for finding in found.findings if finding.suppressed]
    lines: list[str] = []
    for _, group in groupby(known, key=lambda finding: (finding.severity, finding.rule)):
        lines += [*_group(list(group), verbose=verbose), ""]
    if unknown:
        lines.append("unknown: nothing that is known tells, and no build fails for it")
        for _, group in groupby(unknown, key=lambda finding: (finding.rule, finding.what)):
            lines += _unknown(list(group))
        lines.append("")
    if kept:
        lines.append("kept for a reason")
        lines += [f"  {f.rule} {f.where}  {f.subject}: {f.suppressed}" for f in kept]
        lines.append("")
    counts = ", ".join(f"{number} {name}" for name, number in found.counts().items())
    return "\n".join([*lines, f"{found.app}: {found.rules} rules; {counts}"]) + "\n"


def _group(findings: Sequence[Finding], *, verbose: bool) -> Iterator[str]:
    first = findings[0]
    yield f"{first.severity.upper()} {first.rule} {first.name}"
    yield from _wrapped("why", first.why)
    alike: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.what, finding.mend), []).append(finding)
    for (what, mend), group in alike.items():
        if len(group) == 1:
            yield from _wrapped("", f"{group[0].where}  {group[0].subject}: {what}", hang=4)
        else:
            yield from _wrapped("", f"{what}:", hang=4)
            for finding in group:
                yield from _wrapped("", f"  {finding.where}  {finding.subject}", hang=4)
        if verbose or mend != first.mend:
            yield from _wrapped("", f"mend: {mend}", hang=4)
    yield from _wrapped("mend", first.mend)
    yield from _wrapped("source", first.source)


def _unknown(findings: Sequence[Finding]) -> Iterator[str]:
    first = findings[0]
    subjects = list(dict.fromkeys(finding.subject for finding in findings))
    named = ", ".join(subjects[:UNKNOWN_SHOWN])
    more = f" and {len(subjects) - UNKNOWN_SHOWN} more" if len(subjects) > UNKNOWN_SHOWN else ""
    yield from _wrapped("", f"{first.rule} {first.name}: {named}{more}: {first.what}", hang=2)


def _wrapped(name: str, text: str, hang: int = 0) -> Iterator[str]:
    lead = f"  {name:<7} " if name else "  "
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=lead, subsequent_indent=" " * (len(lead) + hang),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
