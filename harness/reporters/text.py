"""The judgement for people: a grid of guarantees and tiers, then the story of each that was not kept."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.contract import Contract
from harness.history import History
from harness.masking import masked, printable
from harness.reporter import Reporter
from harness.reporters._causes import Cause, causes
from harness.reporters._story import alike, conditions, counted, cut, event_line, story, tiers_judged
from harness.verdict import Outcome, Verdict, overall

STYLES = {Outcome.KEPT: "green", Outcome.BROKEN: "bold red", Outcome.UNKNOWN: "yellow"}
WORDS = {Outcome.KEPT: "kept", Outcome.BROKEN: "BROKEN", Outcome.UNKNOWN: "unknown"}
WIDTH = 100
LONG, OTHER = 600, 160
"""Characters of one field, and of what was observed in further tiers."""
EVENTS = 4
"""Events that are shown for one verdict; the others are counted."""


class TextReport(Reporter):
    """A grid of guarantees and tiers, then what was promised and seen wherever it was not kept."""

    def render(
        self, contract: Contract, history: History, verdicts: Sequence[Verdict], *, color: bool
    ) -> str:
        """The report, at most `WIDTH` columns wide."""
        out = io.StringIO()
        console = Console(
            file=out, width=WIDTH, force_terminal=color, no_color=not color, highlight=False, soft_wrap=False
        )
        for group in alike(verdicts):
            for line in _story(group, history):
                console.print(line, soft_wrap=True)
            console.print()
        if found := causes(history, verdicts):
            console.print(_causes(found))
        console.print(_grid(contract, verdicts))
        console.print(_summary(history, verdicts))
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _causes(found: Sequence[Cause]) -> Text:
    """How many promises each cause broke."""
    text = Text(f"{len(found)} causes of {sum(cause.broken for cause in found)} broken promises\n", "bold")
    for cause in found:
        lines = textwrap.wrap(f"{cut(cause.text, LONG)} ({', '.join(cause.guarantees)})", WIDTH - 6)
        for number, line in enumerate(lines):
            text.append(f"{cause.broken if number == 0 else '':>4}  {line}\n")
    return text


def _grid(contract: Contract, verdicts: Sequence[Verdict]) -> Table:
    tiers = tiers_judged([tier.name for tier in contract.tiers], verdicts)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("guarantee")
    for tier in tiers:
        table.add_column(tier)
    cells = {(verdict.guarantee, verdict.tier): verdict.outcome for verdict in verdicts}
    for guarantee in sorted({verdict.guarantee for verdict in verdicts}):
        row = [Text(guarantee)]
        for tier in tiers:
            outcome = cells.get((guarantee, tier))
            row.append(Text("·", "dim") if outcome is None else Text(WORDS[outcome], STYLES[outcome]))
        table.add_row(*row)
    return table


def _summary(history: History, verdicts: Sequence[Verdict]) -> Text:
    text = Text(f"\n{conditions(history)}\n")
    text.append(f"{WORDS[overall(verdicts)]}", STYLES[overall(verdicts)])
    text.append(f": {counted(verdicts)}")
    return text


def _story(group: Sequence[Verdict], history: History) -> Iterator[Text]:
    """The first tier's story in full; of the others only what was observed."""
    verdict, *others = group
    title = Text(f"{WORDS[verdict.outcome]} ", STYLES[verdict.outcome])
    title.append(f"{verdict.guarantee} [{', '.join(each.tier for each in group)}]", "bold")
    yield title
    for name, text in story(verdict):
        yield from _wrapped(name, cut(text, LONG))
    if verdict.outcome is Outcome.BROKEN:
        for place in verdict.events[:EVENTS]:
            yield Text(f"             {event_line(history.events[place], WIDTH - 14)}", "dim")
        if len(verdict.events) > EVENTS:
            yield Text(f"             and {len(verdict.events) - EVENTS} more events", "dim")
    for other in others:
        if other.observed == verdict.observed:
            continue
        yield from _wrapped("", f"{other.tier}: {cut(printable(masked(other.observed)), OTHER)}")
    yield Text(f"  reproduce  {printable(masked(verdict.reproduce))}")


def _wrapped(name: str, text: str) -> Iterator[Text]:
    lines = textwrap.wrap(" ".join(text.split()), WIDTH - 14) or [""]
    for number, line in enumerate(lines):
        yield Text(f"  {name if number == 0 else '':<9}  {line}")
