"""The gate's answer as the comment of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from harness.comparison import Comparison
from harness.differences import Difference, Kind
from harness.gate_report import GateReport
from harness.gate_reports._told import COMMANDS, advice, counted, setting, step, stories, title
from harness.reporters._markdown import bounded, code, plain, table
from harness.verdict import Outcome

SIGNS = {Outcome.KEPT: "🟢", Outcome.BROKEN: "🔴", Outcome.UNKNOWN: "🟡"}
KINDS = {
    Kind.WEAKENED: "🔴 weakened",
    Kind.UNKNOWN: "🟡 unknown",
    Kind.STRENGTHENED: "🟢 strengthened",
    Kind.NEUTRAL: "⚪ neutral",
}
WORDS = {
    Outcome.KEPT: "no guarantee is weaker",
    Outcome.BROKEN: "guarantees are weaker",
    Outcome.UNKNOWN: "not everything could be judged",
}
REASONS = 3


class MarkdownGate(GateReport):
    """Markdown for the comment of a pull request: differences first, settings and choices folded."""

    def render(self, comparison: Comparison, *, color: bool) -> str:
        """The comment, of a length that GitHub takes."""
        return bounded(
            list(_parts(comparison)), "*More was found than fits here; the job's log has all of it.*"
        )


def _parts(found: Comparison) -> Iterator[str]:
    yield f"### {SIGNS[found.outcome]} celery-harness gate: {WORDS[found.outcome]}"
    yield f"{plain(found.app)} against {plain(found.base)}: {plain(counted(found))}."
    if found.differences:
        yield table(["", "guarantee", "before, and now"], [_row(found, each) for each in found.differences])
    for each, story in stories(found):
        rows = [f"- {name}: {_cell(name, text)}" for name, text in story]
        if rows and not found.is_accepted(each):
            yield "\n".join([f"{KINDS[each.kind]} **{plain(title(each))}**", "", *rows])
    for finding in found.findings or ():
        said = f"{plain(finding.subject)}: {plain(finding.what)} ({plain(finding.where)})"
        yield f"🔴 rule **{plain(finding.rule)}** ({finding.severity}), newly broken: {said}"
    if advice(found):
        yield plain(advice(found))
    yield from _settings(found)
    yield from _choices(found)


def _settings(found: Comparison) -> Iterator[str]:
    if found.settings:
        rows = [[code(c.text), plain(setting(c)), plain(c.origin)] for c in found.settings]
        summary = f"{len(rows)} settings and promises changed"
        yield _folded(summary, table(["what", "before, and now", "where"], rows))


def _choices(found: Comparison) -> Iterator[str]:
    if not found.choices:
        yield "Nothing that changed can touch a guarantee."
        return
    rows = [
        [plain(c.guarantee), plain(", ".join(c.tiers) or "all"), plain("; ".join(c.why[:REASONS]))]
        for c in found.choices
    ]
    summary = f"{len(found.choices)} of {found.promised} guarantees put to the test"
    yield _folded(summary, table(["guarantee", "tiers", "why"], rows))


def _row(found: Comparison, each: Difference) -> list[str]:
    return [KINDS[each.kind] + _accepted(found, each), code(title(each)), plain(step(each))]


def _cell(name: str, text: str) -> str:
    return code(text) if name in COMMANDS else plain(text)


def _accepted(found: Comparison, each: Difference) -> str:
    return " (accepted)" if found.is_accepted(each) else ""


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"
