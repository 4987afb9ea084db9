"""What the gate found out about a change, as plain data: settings, choices, differences and evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.differences import Difference, Kind
from harness.guarantees import FAMILIES
from harness.impact import Change, Choice
from harness.verdict import Outcome, Verdict

JUDGES = {"steady": "no_lost_task"}
"""The guarantee that judges an experiment, where it has another name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A static rule that the change breaks."""

    rule: str
    severity: str
    subject: str
    what: str
    where: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A change, judged; `accepted` are the keys of what the lock file took up in the same change."""

    app: str
    base: str
    settings: tuple[Change, ...] = ()
    choices: tuple[Choice, ...] = ()
    promised: int = 0
    """How many guarantees the contract promises; `choices` are those that were put to the test."""
    differences: tuple[Difference, ...] = ()
    accepted: frozenset[tuple[str, str, str]] = frozenset()
    before: tuple[Verdict, ...] = ()
    """Verdicts of the base; none where its lock file spoke for it."""
    after: tuple[Verdict, ...] = ()
    tiers: Mapping[str, str] = field(default_factory=dict)
    """The tier of each task."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where each promise of the contract stands, by its path."""
    findings: tuple[Finding, ...] | None = None
    """Rules newly broken; None where no rules were asked."""
    lock: str = ""
    lock_current: bool | None = None
    """Whether the lock file says all that was observed; None where there is none."""
    lock_command: str = ""
    """The command that writes the lock file anew."""
    folder: str = ""

    def of(self, kind: Kind) -> list[Difference]:
        """The differences of a kind."""
        return [each for each in self.differences if each.kind is kind]

    def is_accepted(self, difference: Difference) -> bool:
        """Whether the lock file, updated in this change, says the same."""
        return key(difference) in self.accepted

    @property
    def weakened(self) -> list[Difference]:
        """What is weaker now and was not accepted."""
        return [each for each in self.of(Kind.WEAKENED) if not self.is_accepted(each)]

    @property
    def outcome(self) -> Outcome:
        """Broken where a guarantee is weaker or a severe rule newly broken, unknown where not judged."""
        if self.weakened or any(each.severity == "high" for each in self.findings or ()):
            return Outcome.BROKEN
        return Outcome.UNKNOWN if self.of(Kind.UNKNOWN) else Outcome.KEPT

    @property
    def still_broken(self) -> list[Verdict]:
        """What is broken now and was before: the change is not to blame."""
        new = {(each.name, each.of) for each in self.differences if each.part == "guarantees"}
        return [v for v in self.after if v.outcome is Outcome.BROKEN and (v.guarantee, v.tier) not in new]

    def evidence(self, difference: Difference) -> Verdict | None:
        """The verdict that shows what was observed now."""
        return self._verdict(self.after, difference)

    def evidence_before(self, difference: Difference) -> Verdict | None:
        """The verdict that shows what the base did; None where its lock file spoke for it."""
        return self._verdict(self.before, difference)

    def origin(self, difference: Difference) -> str:
        """The line that promises what differs."""
        found = self.evidence(difference)
        if found is not None:
            return found.origin
        path = f"tiers.{difference.of}.{difference.name}"
        while path and path not in self.origins:
            path = path.rpartition(".")[0]
        return self.origins.get(path, "")

    def _verdict(self, verdicts: Sequence[Verdict], difference: Difference) -> Verdict | None:
        if difference.part == "promises":
            return None
        tier = self.tiers.get(difference.of, difference.of)
        wanted = (guarantee_of(difference), tier)
        return next((each for each in verdicts if (each.guarantee, each.tier) == wanted), None)


def key(difference: Difference) -> tuple[str, str, str]:
    """What a difference is about."""
    return (difference.part, difference.of, difference.name)


def guarantee_of(difference: Difference) -> str:
    """The guarantee that a difference belongs to; "" for a promise, which belongs to none alone."""
    if difference.part == "guarantees":
        return difference.name
    if difference.part == "promises":
        return ""
    family = FAMILIES.get(difference.name.partition(".")[0], "")
    return JUDGES.get(family, family)
