"""The idea of a checker: one guarantee, with what is promised, what tests it, and whether it was kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from harness.contract import Contract, Tier
from harness.history import Event, History
from harness.verdict import Outcome, Verdict
from harness.workload import Experiment

WHOLE_APP = Tier(name="app", tasks=("*",))
"""Stands for all tasks where a guarantee has no tier."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a checker found for one promise; `verdict_of` turns it into a verdict."""

    outcome: Outcome
    observed: str
    events: Sequence[Event] = field(default_factory=tuple)
    blame: str = ""
    mend: str = ""


class Checker(ABC):
    """One guarantee. The file name is its public name, the docstring is what ``list`` prints.

    A checker is pure: contract and history in, verdicts out. It judges a tier only where the tier
    promises the guarantee, and says `unknown` where nothing in the history put it to the test.
    `scope` is ``tier``, or ``app`` for what concerns the app as a whole: then `promise` and
    `judge` are called once, with the tier `WHOLE_APP`.
    """

    scope: ClassVar[Literal["tier", "app"]] = "tier"
    depends: ClassVar[tuple[str, ...]] = ()
    """Settings, task options and promises (globs) that can change the outcome (`harness.impact`).

    The gate judges the guarantee when one of them changes, and when something changes that no checker names;
    at every change where nothing is said here.
    """
    weight: ClassVar[int] = 1
    """What comes first in a report where it is broken: 3 for work that is lost or done twice, 2 for failures
    that are not dealt with, or not seen.
    """

    @property
    def name(self) -> str:
        """The public name: the name of the file that defines the checker."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def promise(self, tier: Tier) -> str | None:
        """What the tier promises, in one sentence; None where it promises nothing of this kind."""

    @abstractmethod
    def path(self, tier: Tier) -> str:
        """The dotted path of the promise in the contract (``tiers.critical.retry.max_retries``)."""

    def experiments(self, contract: Contract, tier: Tier) -> Iterable[Experiment]:
        """What puts the promise to the test; experiments of several checkers share a run.

        An experiment's name begins with the checker's (``retry_cap/critical``), or with another
        checker's where both judge the same experiment; equal names are run once.
        """
        return ()

    @abstractmethod
    def judge(self, contract: Contract, tier: Tier, history: History) -> Finding:
        """Whether the history kept the promise; called only where `promise` says something."""

    def verdict(self, contract: Contract, tier: Tier, history: History) -> Verdict | None:
        """The judgement of one tier; None where it promises nothing of this kind."""
        promised = self.promise(tier)
        if promised is None:
            return None
        finding = _proven(self.judge(contract, tier, history), history)
        places = history.places
        return Verdict(
            guarantee=self.name,
            tier=tier.name,
            outcome=finding.outcome,
            promised=promised,
            origin=contract.origin(self.path(tier)),
            observed=finding.observed,
            events=tuple(places[id(event)] for event in finding.events if id(event) in places),
            blame=finding.blame if finding.outcome is Outcome.BROKEN else "",
            mend=finding.mend if finding.outcome is Outcome.BROKEN else "",
        )


def _proven(finding: Finding, history: History) -> Finding:
    """What is broken by a failure that no handler of the body could meet is unknown.

    Where the source of a body cannot be read, or not be compiled again, a failure may be raised in front of
    its ``try`` (`harness/probe/place.py`).
    """
    if finding.outcome is not Outcome.BROKEN:
        return finding
    ids = {event.task_id for event in finding.events if event.task_id}
    for event in history.of("fault-injected"):
        if event.get("missed") and event.task_id in ids:
            return unknown(
                f"the failure could not be raised inside the try of {event.task}, so this proves nothing: "
                f"{finding.observed}",
                (event, *finding.events),
            )
    return finding


def kept(observed: str, events: Sequence[Event] = ()) -> Finding:
    """The history shows that the promise was kept, and these events show it."""
    return Finding(Outcome.KEPT, observed, events)


def broken(observed: str, events: Sequence[Event], *, blame: str, mend: str) -> Finding:
    """The history shows that the promise was not kept."""
    return Finding(Outcome.BROKEN, observed, events, blame, mend)


def unknown(observed: str, events: Sequence[Event] = ()) -> Finding:
    """Nothing put the promise to the test, or the record has a hole."""
    return Finding(Outcome.UNKNOWN, observed, events)
