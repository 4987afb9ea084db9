"""The judgement in Markdown, for the comment of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from harness.contract import Contract
from harness.history import History
from harness.reporter import Reporter
from harness.reporters._causes import causes
from harness.reporters._markdown import block, bounded, code, plain, table
from harness.reporters._story import alike, conditions, counted, cut, event_line, story, tiers_judged
from harness.verdict import Outcome, Verdict, overall

WORDS = {Outcome.KEPT: "kept", Outcome.BROKEN: "**broken**", Outcome.UNKNOWN: "*unknown*"}
SIGNS = {Outcome.KEPT: "🟢", Outcome.BROKEN: "🔴", Outcome.UNKNOWN: "🟡"}
EVENTS = 6
WIDTH = 140
LONG = 600


class MarkdownReport(Reporter):
    """Markdown for the comment of a pull request: what is not kept first, then the grid, folded."""

    def render(
        self, contract: Contract, history: History, verdicts: Sequence[Verdict], *, color: bool
    ) -> str:
        """The report, of a length that GitHub takes as a comment."""
        outcome = overall(verdicts)
        parts = [
            f"### {SIGNS[outcome]} celery-harness: {outcome.value}",
            f"{counted(verdicts)} · {plain(conditions(history))}",
            *_causes(history, verdicts),
            *(_story(group, history) for group in alike(verdicts)),
            _grid(contract, verdicts),
        ]
        return bounded(parts, "*More was found than fits here; the stored run has all of it.*")


def _causes(history: History, verdicts: Sequence[Verdict]) -> list[str]:
    found = causes(history, verdicts)
    rows = [
        [str(cause.broken), plain(cut(cause.text, LONG)), plain(", ".join(cause.guarantees))]
        for cause in found
    ]
    return [table(["broken", "cause", "guarantees"], rows)] if rows else []


def _story(group: Sequence[Verdict], history: History) -> str:
    verdict, *others = group
    tiers = ", ".join(plain(each.tier) for each in group)
    lines = [f"{SIGNS[verdict.outcome]} **{plain(verdict.guarantee)}** ({tiers})", ""]
    lines += [f"- {name}: {plain(cut(text, LONG))}" for name, text in story(verdict)]
    lines += [
        f"- {plain(other.tier)}: {plain(cut(other.observed, LONG))}"
        for other in others
        if other.observed != verdict.observed
    ]
    lines.append(f"- reproduce: {code(verdict.reproduce)}")
    if verdict.outcome is Outcome.BROKEN and verdict.events:
        shown = [event_line(history.events[place], WIDTH) for place in verdict.events[:EVENTS]]
        lines += ["", _folded(f"{len(verdict.events)} events", block(shown))]
    return "\n".join(lines)


def _grid(contract: Contract, verdicts: Sequence[Verdict]) -> str:
    tiers = tiers_judged([tier.name for tier in contract.tiers], verdicts)
    cells = {(verdict.guarantee, verdict.tier): WORDS[verdict.outcome] for verdict in verdicts}
    rows = [
        [plain(guarantee), *(cells.get((guarantee, tier), "·") for tier in tiers)]
        for guarantee in sorted({verdict.guarantee for verdict in verdicts})
    ]
    return _folded("every guarantee", table(["guarantee", *map(plain, tiers)], rows))


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n</details>"
