"""The experiments of one mutant, in the order that shows most soon, and what gives it away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from harness import experiments, run
from harness.comparison import guarantee_of
from harness.conduct import Conductor
from harness.contract import Contract
from harness.differences import Difference, Kind
from harness.guarantees import Guarantees, observe
from harness.history import History
from harness.impact import Change, Choice
from harness.stage import StageSettings
from harness.stages._simulated_world import SimulatedWorld
from harness.verdict import Outcome, Verdict

WORSE = (Kind.WEAKENED, Kind.UNKNOWN)
"""What a gate does not let pass."""
HINTS = {
    "retr": ("retry_cap", "retry_delays"), "delay": ("retry_delays",), "jitter": ("retry_delays",),
    "expires": ("result_expiry",), "mail": ("alert_sent",), "alert": ("alert_sent", "no_alert"),
    "admin": ("alert_sent",), "soft_s": ("time_limits",), "hard_s": ("time_limits",),
    "time_limit": ("time_limits",), "rate": ("rate_limit",), "lock": ("deduplication",),
    "dedup": ("deduplication",), "acks": ("loss_recovered",), "lost": ("poison_braked",),
    "brake": ("poison_braked",), "task_failure": ("dead_letter",), "dead_letter": ("dead_letter",),
    "setup_logging": ("structured_logs",), "task_unknown": ("dead_letter_unrun",),
    "task_revoked": ("dead_letter_unrun",), "task_rejected": ("dead_letter_unrun",),
    "workers.": ("queue_consumed",),
}  # fmt: skip
"""What is tried first where no checker names what was changed: a word in its name. It saves time, no more."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A difference that could come from the order of experiments: what was tried, and what was seen then."""

    difference: Difference
    focus: tuple[str, ...]
    tried: tuple[Choice, ...]
    seen: Guarantees


class Noticed(Exception):
    """What gives a mutant away; with a doubt where no promise is broken by it."""

    def __init__(self, by: str, what: str, doubt: Doubt | None = None) -> None:
        super().__init__(what)
        self.by, self.what, self.doubt = by, what, doubt


class Trial:
    """The experiments of one mutant, guarantee after guarantee, in one world."""

    def __init__(self, world: SimulatedWorld, settings: StageSettings, contract: Contract) -> None:
        self.world = world
        self.contract = contract
        self.request = run.Request(
            app=settings.app, contract=self.contract, workdir=settings.workdir, stage="simulated",
            broker=settings.broker, seed=settings.seed,
        )  # fmt: skip
        self.conductor = Conductor(world, self.contract, lambda _text: None)
        self.done: set[str] = set()
        self.history: History | None = None
        self.seen = Guarantees(settings.app)

    def judge(self, guarantee: str, tiers: Sequence[str]) -> tuple[Guarantees, list[Verdict]]:
        """Run what puts a guarantee to the test, and say what was seen."""
        needed = experiments.needed(self.contract, experiments.checkers([guarantee]), tiers)
        fresh = [each for each in needed if each.name not in self.done]
        if fresh or self.history is None:
            self.conductor.run(fresh)
            self.done |= {each.name for each in fresh}
            self.history = run.record_of(self.world, self.contract, self.request)
            self.seen = observe(self.contract, self.history, ())
        verdicts = run.judge(self.contract, self.history, only=[guarantee], tiers=tiers)
        outcomes: dict[str, dict[str, str]] = {}
        for verdict in verdicts:
            outcomes.setdefault(verdict.tier, {})[verdict.guarantee] = verdict.outcome.value
        return replace(self.seen, outcomes=outcomes), verdicts

    def cost(self, guarantee: str) -> int:
        """How many events the tasks had that put a guarantee to the test."""
        if self.history is None:
            return 0
        needed = experiments.needed(self.contract, experiments.checkers([guarantee]))
        sent = {event.task_id for each in needed for event in self.history.workload(each.name)}
        return sum(event.task_id in sent for event in self.history.events)


def parts(contract: Contract, choices: Sequence[Choice]) -> tuple[list[Choice], list[Choice]]:
    """What is tried in one world and what in another, in order: some experiments keep workers busy."""
    busy = [each for each in choices if _busy(contract, each.guarantee)]
    others = [each for each in choices if each not in busy]
    return (busy, others) if choices and choices[0] in busy else (others, busy)


def _busy(contract: Contract, guarantee: str) -> bool:
    needed = experiments.needed(contract, experiments.checkers([guarantee]))
    return any(each.phase == "limits" for each in needed)


def dependents(changes: Sequence[Change]) -> list[str]:
    """The guarantees that say that they depend on what changed."""
    return [
        checker.name
        for checker in experiments.checkers()
        if any(fnmatchcase(change.name, glob) for change in changes for glob in checker.depends)
    ]


def why(tried: Sequence[str], changes: Sequence[Change]) -> str:
    """Why nothing noticed: nothing is promised, or no scenario shows it."""
    depending = dependents(changes)
    tested = [name for name in tried if name in depending]
    others = [name for name in depending if name not in tested]
    if not depending:
        return f"nothing is promised of it, or a scenario is missing: all {len(tried)} guarantees were kept"
    if not others:
        return f"a scenario is missing: kept {', '.join(tested)}, and no other guarantee depends on it"
    kept = f"; kept {', '.join(tested)}" if tested else ""
    return f"not promised: {', '.join(others)}{kept}"


def key_of(each: Difference) -> tuple[str, str, str]:
    """What a difference is about, whatever it says of it."""
    return each.part, each.of, each.name


def is_of(verdict: Verdict, difference: Difference, seen: Guarantees) -> bool:
    """Whether a verdict judges what differs."""
    return verdict.guarantee == guarantee_of(difference) and verdict.tier == tier_of(difference, seen)


def tier_of(difference: Difference, seen: Guarantees) -> str:
    """The tier that a difference is in."""
    return seen.tiers.get(difference.of, difference.of)


def told(difference: Difference, verdict: Verdict | None) -> str:
    """What was observed, of a guarantee that is not kept; else what differs."""
    if verdict is not None and verdict.outcome is not Outcome.KEPT:
        return f"{verdict.outcome.value}: {verdict.observed}"
    return difference.text
