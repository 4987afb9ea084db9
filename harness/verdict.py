"""What the judgement of a history says: kept, broken or unknown, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """Broken and unknown both fail: a vacuous green is the worst failure."""

    KEPT = "kept"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One guarantee of one tier, judged.

    `promised` says what was promised and `origin` which setting or contract line promised it;
    `observed` what the history shows, `events` the places in the history that show it. For a
    broken guarantee `blame` names the setting to blame and `mend` the change that mends it;
    `reproduce` is the one-line command that shows it again.
    """

    guarantee: str
    tier: str
    outcome: Outcome
    promised: str
    observed: str
    origin: str = ""
    events: tuple[int, ...] = ()
    blame: str = ""
    mend: str = ""
    reproduce: str = ""


def overall(verdicts: Iterable[Verdict]) -> Outcome:
    """Broken if any is broken, else unknown if any is unknown or there are none, else kept."""
    outcomes = {verdict.outcome for verdict in verdicts}
    if Outcome.BROKEN in outcomes:
        return Outcome.BROKEN
    if outcomes == {Outcome.KEPT}:
        return Outcome.KEPT
    return Outcome.UNKNOWN


EXIT_STATUS: Mapping[Outcome, int] = {Outcome.KEPT: 0, Outcome.BROKEN: 1, Outcome.UNKNOWN: 3}


def document(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Verdicts as plain data for JSON."""
    return [asdict(verdict) | {"outcome": verdict.outcome.value} for verdict in verdicts]


def from_document(rows: Iterable[Mapping[str, Any]]) -> list[Verdict]:
    """The inverse of `document`."""
    return [
        Verdict(**{**row, "outcome": Outcome(row["outcome"]), "events": tuple(row["events"])}) for row in rows
    ]
