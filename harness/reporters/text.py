"""The judgement for people: a grid of guarantees and tiers, then the story of each that was not kept."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.contract import Contract
from harness.history import Event, History
from harness.reporter import Reporter
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
        for group in _alike(verdicts):
            for line in _story(group, history):
                console.print(line, soft_wrap=True)
            console.print()
        console.print(_grid(contract, verdicts))
        console.print(_summary(history, verdicts))
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _grid(contract: Contract, verdicts: Sequence[Verdict]) -> Table:
    tiers = [tier.name for tier in contract.tiers if any(v.tier == tier.name for v in verdicts)]
    if any(verdict.tier == "app" for verdict in verdicts):
        tiers.insert(0, "app")
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
    counts = {outcome: sum(verdict.outcome is outcome for verdict in verdicts) for outcome in Outcome}
    header = history.header
    versions = ", ".join(
        f"{name} {header.versions[name]}" for name in ("celery", "kombu", "broker") if name in header.versions
    )
    span_s = history.events[-1].at_s if history.events else 0.0
    text = Text(f"\n{header.app} on {header.stage}, {header.broker}; {versions}; seed {header.seed}; ")
    text.append(f"{span_s:,.0f} s of its time (warp {header.warp})\n")
    text.append(f"{WORDS[overall(verdicts)]}", STYLES[overall(verdicts)])
    text.append(": " + ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items()))
    return text


def _alike(verdicts: Sequence[Verdict]) -> list[list[Verdict]]:
    """What was not kept, one group for each guarantee and outcome: tiers mostly fail for one reason."""
    groups: dict[tuple[Outcome, str], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.outcome is not Outcome.KEPT:
            groups.setdefault((verdict.outcome, verdict.guarantee), []).append(verdict)
    return list(groups.values())


def _story(group: Sequence[Verdict], history: History) -> Iterator[Text]:
    """The first tier's story in full; of the others only what was observed."""
    verdict, *others = group
    title = Text(f"{WORDS[verdict.outcome]} ", STYLES[verdict.outcome])
    title.append(f"{verdict.guarantee} [{', '.join(each.tier for each in group)}]", "bold")
    yield title
    origin = f" ({verdict.origin})" if verdict.origin else ""
    promised = verdict.promised + origin if verdict.outcome is Outcome.BROKEN else ""
    for name, text in (
        ("promised", promised),
        ("observed", verdict.observed),
        ("blame", verdict.blame),
        ("mend", verdict.mend),
    ):
        if text:
            yield from _wrapped(name, _cut(text))
    if verdict.outcome is Outcome.BROKEN:
        for place in verdict.events[:EVENTS]:
            yield Text(f"             {_line(history.events[place])}", "dim")
        if len(verdict.events) > EVENTS:
            yield Text(f"             and {len(verdict.events) - EVENTS} more events", "dim")
    for other in others:
        if other.observed == verdict.observed:
            continue
        yield from _wrapped("", f"{other.tier}: {_cut(other.observed, OTHER)}")
    yield Text(f"  reproduce  {verdict.reproduce}")


def _cut(text: str, limit: int = LONG) -> str:
    """The text, or its beginning; the whole of it is in ``--json`` and in the stored run."""
    return text if len(text) <= limit else text[: limit - 4].rstrip() + " ..."


def _wrapped(name: str, text: str) -> Iterator[Text]:
    lines = textwrap.wrap(" ".join(text.split()), WIDTH - 14) or [""]
    for number, line in enumerate(lines):
        yield Text(f"  {name if number == 0 else '':<9}  {line}")


def _line(event: Event) -> str:
    said = ", ".join(
        f"{name}={_short(value)}" for name, value in event.data.items() if value not in (None, "", [], {})
    )
    identity = f" {event.task_id[:8]}" if event.task_id else ""
    return f"{event.at_s:10.2f} s  {event.kind}{identity}  {said}"[: WIDTH - 14]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
