"""The gate's answer for people."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from harness.comparison import Comparison
from harness.differences import Kind
from harness.gate_report import GateReport
from harness.gate_reports._told import COMMANDS, advice, counted, setting, step, stories, title
from harness.verdict import Outcome

STYLES = {Kind.WEAKENED: "bold red", Kind.UNKNOWN: "yellow", Kind.STRENGTHENED: "green", Kind.NEUTRAL: "dim"}
RESULT = {
    Outcome.KEPT: ("passed", "green"), Outcome.BROKEN: ("FAILED", "bold red"),
    Outcome.UNKNOWN: ("unknown", "yellow"),
}  # fmt: skip
WIDTH = 100
REASONS = 3


class TextGate(GateReport):
    """For people: settings before and after, what was put to the test and why, and what is weaker now."""

    def render(self, comparison: Comparison, *, color: bool) -> str:
        """The report, at most `WIDTH` columns wide but for commands."""
        out = io.StringIO()
        console = Console(file=out, width=WIDTH, force_terminal=color, no_color=not color, highlight=False)
        for line in _lines(comparison):
            console.print(line, soft_wrap=True)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _lines(found: Comparison) -> Iterator[Text]:
    yield Text(f"{found.app} against {found.base}", "bold")
    yield Text()
    yield from _changes(found)
    yield Text()
    yield from _choices(found)
    yield Text()
    yield from _differences(found)
    yield from _findings(found)
    if found.still_broken:
        names = ", ".join(f"{verdict.guarantee} [{verdict.tier}]" for verdict in found.still_broken)
        yield Text(f"broken before as well: {names}")
    yield Text.assemble(RESULT[found.outcome], f": {counted(found)}")
    if advice(found):
        yield Text(advice(found))


def _changes(found: Comparison) -> Iterator[Text]:
    yield Text("changed" if found.settings else "no setting in force and no promise changed")
    for change in found.settings:
        yield from _wrapped(f"{change.text}: {setting(change)}  {change.origin}".rstrip())


def _choices(found: Comparison) -> Iterator[Text]:
    yield Text(f"put to the test: {len(found.choices)} of {found.promised} guarantees")
    alike: dict[str, list[str]] = {}
    for choice in found.choices:
        more = f"; and {len(choice.why) - REASONS} more" if len(choice.why) > REASONS else ""
        where = f" [{', '.join(choice.tiers)}]" if choice.tiers else ""
        alike.setdefault(f"{'; '.join(choice.why[:REASONS])}{more}", []).append(f"{choice.guarantee}{where}")
    for why, names in alike.items():
        yield from _wrapped(f"{', '.join(names)}: {why}")
    if not found.choices:
        yield Text("  nothing that changed can touch a guarantee")


def _differences(found: Comparison) -> Iterator[Text]:
    for each, story in stories(found):
        word = each.kind.value.upper() if each.kind is Kind.WEAKENED else each.kind.value
        accepted = " (accepted by the lock file)" if found.is_accepted(each) else ""
        yield Text.assemble(
            (f"{word} ", STYLES[each.kind]), (title(each), "bold"), f": {step(each)}{accepted}"
        )
        for name, text in story:
            yield from _row(name, text)


def _findings(found: Comparison) -> Iterator[Text]:
    for finding in found.findings or ():
        yield Text.assemble(("NEWLY BROKEN ", "bold red"), (f"{finding.rule} ({finding.severity})", "bold"))
        yield from _row("what", f"{finding.subject}: {finding.what}")
        yield from _row("where", finding.where)
        yield from _row("mend", finding.mend)


def _row(name: str, text: str) -> Iterator[Text]:
    if name in COMMANDS:
        yield Text(f"  {name:<9}  {text}")
        return
    for number, line in enumerate(textwrap.wrap(text, WIDTH - 13) or [""]):
        yield Text(f"  {name if number == 0 else '':<9}  {line}")


def _wrapped(text: str) -> Iterator[Text]:
    for line in textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    "):
        yield Text(line)
