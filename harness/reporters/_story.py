"""What reporters have in common: groups of verdicts that fail alike, one line an event, what was run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from harness.history import Event, History
from harness.masking import masked, masked_deep, printable
from harness.verdict import Outcome, Verdict

_PLACE = re.compile(r"(?:^|[\s(])([^\s:()'\"]+):(\d+)\b")


class Place(NamedTuple):
    """A line of a file."""

    path: str
    line: int


def place_of(origin: str) -> Place | None:
    """The line that an origin names (``contract.toml:7``, ``task_routes in proj/celery.py:52``), if any."""
    found = _PLACE.search(origin)
    return Place(found[1], int(found[2])) if found else None


def alike(verdicts: Sequence[Verdict]) -> list[list[Verdict]]:
    """What was not kept, one group for each guarantee and outcome: tiers mostly fail for one reason."""
    groups: dict[tuple[Outcome, str], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.outcome is not Outcome.KEPT:
            groups.setdefault((verdict.outcome, verdict.guarantee), []).append(verdict)
    return list(groups.values())


def tiers_judged(tiers: Sequence[str], verdicts: Sequence[Verdict]) -> list[str]:
    """The columns of a grid: the app as a whole, then the tiers that were judged, in the contract's order."""
    judged = {verdict.tier for verdict in verdicts}
    return [name for name in ("app", *tiers) if name in judged]


def counted(verdicts: Sequence[Verdict]) -> str:
    """``88 kept, 0 broken, 0 unknown``."""
    return ", ".join(f"{sum(v.outcome is outcome for v in verdicts)} {outcome.value}" for outcome in Outcome)


def conditions(history: History) -> str:
    """What was run, on what, with which seed, and how long it took by the stage's clock."""
    header = history.header
    versions = ", ".join(
        f"{name} {header.versions[name]}" for name in ("celery", "kombu", "broker") if name in header.versions
    )
    span_s = history.events[-1].at_s if history.events else 0.0
    return (
        f"{header.app} on {header.stage}, {header.broker}; {versions}; seed {header.seed}; "
        f"{span_s:,.0f} s of its time (warp {header.warp})"
    )


def event_line(event: Event, width: int) -> str:
    """One event: its time, kind, the beginning of its task's id, and what it says."""
    said = ", ".join(
        f"{name}={_short(value)}"
        for name, value in masked_deep(event.data).items()
        if value not in (None, "", [], {})
    )
    identity = f" {event.task_id[:8]}" if event.task_id else ""
    return printable(f"{event.at_s:10.2f} s  {event.kind}{identity}  {said}"[:width])


def story(verdict: Verdict) -> list[tuple[str, str]]:
    """Promise, observation, blame and mend of a verdict, as far as it has them."""
    origin = f" ({verdict.origin})" if verdict.origin else ""
    promised = verdict.promised + origin if verdict.outcome is Outcome.BROKEN else ""
    rows = [
        ("promised", promised),
        ("observed", verdict.observed),
        ("blame", verdict.blame),
        ("mend", verdict.mend),
    ]
    return [(name, printable(masked(" ".join(text.split())))) for name, text in rows if text]


def cut(text: str, limit: int) -> str:
    """The text, or its beginning; the whole of it is in ``--format json`` and in the stored run."""
    return text if len(text) <= limit else text[: limit - 4].rstrip() + " ..."


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
