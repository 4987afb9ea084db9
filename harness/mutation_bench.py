"""Where mutants are judged: simulated worlds, copies of them, and what was seen there without a mutation.

The app is imported once; each mutant is made in a copy (`fork`) of the process that imported it, before its
workers start. What an app makes of its environment it makes when it is imported: such a mutant is imported in
a copy of a process that has not done so yet.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self

from harness import experiments, gate_rules, impact, run
from harness.comparison import guarantee_of
from harness.conduct import Conductor
from harness.contract import Contract
from harness.contract_file import resolve
from harness.differences import Difference, Kind, compare
from harness.draft import fit
from harness.errors import AppError, HarnessError, InterlockError
from harness.guarantees import Guarantees, merged, observe
from harness.history import History
from harness.impact import Change, Choice
from harness.mutation import Mutant
from harness.stage import StageSettings
from harness.stages import simulated
from harness.stages._simulated_world import SimulatedWorld
from harness.verdict import Outcome, Verdict

KILLED, SURVIVED, EQUIVALENT, UNJUDGED = "killed", "survived", "equivalent", "unjudged"
HINTS = {
    "retr": ("retry_cap", "retry_delays"), "delay": ("retry_delays",), "jitter": ("retry_delays",),
    "expires": ("result_expiry",), "mail": ("alert_sent",), "alert": ("alert_sent",),
    "admin": ("alert_sent",), "soft_s": ("time_limits",), "hard_s": ("time_limits",),
    "time_limit": ("time_limits",), "rate": ("rate_limit",), "lock": ("deduplication",),
    "dedup": ("deduplication",), "acks": ("loss_recovered",), "lost": ("poison_braked",),
    "brake": ("poison_braked",), "task_failure": ("dead_letter",), "dead_letter": ("dead_letter",),
    "setup_logging": ("structured_logs",), "workers.": ("queue_consumed",),
}  # fmt: skip
"""What is tried first where no checker names what was changed: a word in its name. It saves time, no more."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a mutant: `by` is what noticed it, `what` its evidence, `reason` why none did."""

    mutant: Mutant
    outcome: str
    by: str = ""
    what: str = ""
    reason: str = ""
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Base:
    """The app as it is: what is in force, what it was seen to guarantee, and what seeing that costs.

    A cost is a count of events, not a time: which guarantee notices a mutant first is the same in each run.
    """

    snapshot: Mapping[str, Any]
    constants: Mapping[str, Any] = field(default_factory=dict)
    guarantees: Guarantees = field(default_factory=lambda: Guarantees(""))
    costs: Mapping[str, int] = field(default_factory=dict)


class Noticed(Exception):
    """What gives a mutant away."""

    def __init__(self, by: str, what: str) -> None:
        super().__init__(what)
        self.by, self.what = by, what


class Bench:
    """One simulated process, and what is done to copies of it; a context manager."""

    def __init__(self, settings: StageSettings) -> None:
        self.settings = settings
        self._stack = ExitStack()
        self._loaded = ExitStack()
        self._opened: SimulatedWorld | None = None
        self._known: set[tuple[str, str, str]] | None = None
        self.base = Base({})

    def __enter__(self) -> Self:
        self._opened = self._stack.enter_context(simulated.Simulated.begun(self.settings))
        return self

    def __exit__(self, *_: object) -> None:
        with (
            self._stack,
            suppress(HarnessError, OSError, ValueError),
        ):  # an ended process has none
            self._loaded.close()

    # Orders: what `harness.mutate` asks for.

    def survey(self) -> dict[str, Any]:
        """What is in force, and what could be changed besides Celery's settings."""
        with self._copy(watch=True) as world:
            found: dict[str, Any] = world.tell("survey")["survey"]
            return {**found, "snapshot": world.snapshot, "tasks": list(world.tasks)}

    def probe(self, environment: Mapping[str, str], constants: Mapping[str, Any]) -> list[tuple[Any, str]]:
        """Values of the app, and where they lie, that other variables of the environment change."""
        with _kept(self._bare) as world:
            world.tell("environ", values=dict(environment))
            try:
                world.tell("load")
            except HarnessError:
                return []
            found = world.tell("survey")["survey"]["constants"]
        return [(value, path) for path, value in constants.items() if found.get(path) != value]

    def know(self, base: Base) -> None:
        """What the app is without a mutation."""
        self.base = base

    def observed(self, guarantees: Sequence[str]) -> tuple[Guarantees, list[Verdict], dict[str, int]]:
        """What the app guarantees without a mutation, as far as these guarantees show it."""
        seen, verdicts, costs = Guarantees(self.settings.app), list[Verdict](), dict[str, int]()
        contract = resolve(self.settings.contract, self._world().tasks)
        for part in _parts(contract, [Choice(name, (), ()) for name in guarantees]):
            with _kept(self._world()) as world:
                world.tell("edit", edits=[])
                simulated.launch(world)
                trial = Trial(world, self.settings, contract)
                for choice in part:
                    found, judged = trial.judge(choice.guarantee, ())
                    seen, costs[choice.guarantee] = merged(seen, found), trial.cost(choice.guarantee)
                    verdicts += judged
        return seen, verdicts, costs

    def judge(self, mutant: Mutant) -> Judged:
        """Make a mutant, and look whether the gate would notice."""
        began_s = time.monotonic()
        try:
            reason, outcome = self._reason(mutant)
            judged = Judged(mutant, outcome, reason=reason)
        except Noticed as noticed:
            judged = Judged(mutant, KILLED, by=noticed.by, what=noticed.what)
        except (AppError, InterlockError) as error:
            judged = Judged(mutant, KILLED, by="import", what=str(error))
        except HarnessError as error:
            judged = Judged(mutant, KILLED, by="workers", what=str(error))
            if "simulat" in str(error):
                judged = Judged(mutant, UNJUDGED, reason=str(error))
        return replace(judged, took_s=time.monotonic() - began_s)

    def _reason(self, mutant: Mutant) -> tuple[str, str]:
        """Why nothing notices a mutant, and what that makes of it; `Noticed` where something does."""
        with self._made(mutant) as world:
            changes = self._changes(mutant, world)
            if mutant.environment and not changes and self._same(world):
                return "nothing that the app loads differs", EQUIVALENT
            changes = changes or [Change(mutant.name, mutant.task, mutant.before, mutant.after)]
            contract = impact.focused(resolve(self.settings.contract, world.tasks), changes)
            choices = impact.choose(contract, experiments.checkers(), changes, ())
            choices.sort(key=lambda each: self._rank(each.guarantee, changes, mutant))
            first, second = _parts(contract, choices)
            self._try(world, contract, first)
            if not second:
                self._static(contract, world)
        if second:
            with self._made(mutant) as world:
                self._try(world, contract, second)
                self._static(contract, world)
        return _why([choice.guarantee for choice in choices], changes), SURVIVED

    def _try(self, world: SimulatedWorld, contract: Contract, choices: Sequence[Choice]) -> None:
        """`Noticed` where one of these guarantees shows a difference."""
        simulated.launch(world)
        trial = Trial(world, self.settings, contract)
        for choice in choices:
            self._notice(*trial.judge(choice.guarantee, choice.tiers))

    def _changes(self, mutant: Mutant, world: SimulatedWorld) -> list[Change]:
        moved = str(self.settings.workdir.resolve())
        found = impact.changes(self.base.snapshot, world.snapshot, (moved, moved))
        return found if not mutant.workers else [Change(mutant.name, "", mutant.before, mutant.after)]

    def _same(self, world: SimulatedWorld) -> bool:
        found = world.tell("survey")["survey"]
        return bool(found["constants"] == self.base.constants)

    def _rank(self, guarantee: str, changes: Sequence[Change], mutant: Mutant) -> tuple[bool, bool, int]:
        """What is tried first: what depends on the change by name, then what is cheap."""
        hinted = any(word in mutant.id.lower() for word, names in HINTS.items() if guarantee in names)
        named = guarantee in dependents(changes)
        return not hinted, not named, self.base.costs.get(guarantee, 0)

    def _notice(self, seen: Guarantees, verdicts: Sequence[Verdict]) -> None:
        """`Noticed` where something is weaker, or unknown, that was not so without the mutation."""
        for each in compare(self.base.guarantees, seen):
            if each.kind in (Kind.WEAKENED, Kind.UNKNOWN):
                verdict = next((v for v in verdicts if _is_of(v, each, seen)), None)
                raise Noticed(f"{guarantee_of(each)} [{_tier(each, seen)}]", _told(each, verdict))

    def _static(self, contract: Contract, world: SimulatedWorld) -> None:
        """`Noticed` where the contract no longer fits, or a severe rule is newly broken."""
        known = set(fit(self.settings.contract, self.base.snapshot))
        for problem in fit(self.settings.contract, world.snapshot):
            if problem not in known:
                raise Noticed("contract --check", problem)
        place = self.settings.workdir
        if self._known is None:
            found = gate_rules.found((self.base.snapshot, place, contract))
            self._known = {gate_rules.identity(each) for each in found}
        for each in gate_rules.found((world.snapshot, place, contract)):
            if each.severity.value == "high" and gate_rules.identity(each) not in self._known:
                raise Noticed(f"rule {each.rule}", f"{each.subject}: {each.what}")

    # Worlds.

    @property
    def _bare(self) -> SimulatedWorld:
        """The process that has not imported the app."""
        if self._opened is None:
            raise RuntimeError("the bench is not open")
        return self._opened

    @contextmanager
    def _made(self, mutant: Mutant) -> Iterator[SimulatedWorld]:
        """A world with the mutant in it, before its workers start."""
        if mutant.workers is not None:
            contract = replace(self.settings.contract, workers=mutant.workers)
            with simulated.Simulated.begun(replace(self.settings, contract=contract)) as world:
                simulated.load(world)
                yield world
        elif mutant.environment:
            with self._copy(environment=mutant.environment) as world:
                yield world
        else:
            with _kept(self._world()) as world:
                world.tell("edit", edits=[dict(edit) for edit in mutant.edits])
                world.snapshot = world.tell("snapshot")["snapshot"]
                yield world

    @contextmanager
    def _copy(
        self, *, environment: Mapping[str, str] | None = None, watch: bool = False
    ) -> Iterator[SimulatedWorld]:
        """A copy of the process that has not imported the app, which then does."""
        self._loaded.close()
        with _kept(self._bare) as world:
            if environment:
                world.tell("environ", values=dict(environment))
            if watch:
                world.tell("watch")
            simulated.load(world)
            yield world

    def _world(self) -> SimulatedWorld:
        """The copy that has imported the app, made when it is first wanted."""
        if not self._bare.tasks:
            self._loaded = ExitStack()
            self._loaded.enter_context(self._copy())
        return self._bare


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


def _parts(contract: Contract, choices: Sequence[Choice]) -> tuple[list[Choice], list[Choice]]:
    """What is tried in one world and what in another, in order: some experiments keep workers busy."""
    busy = [each for each in choices if _busy(contract, each.guarantee)]
    others = [each for each in choices if each not in busy]
    return (busy, others) if choices and choices[0] in busy else (others, busy)


def _busy(contract: Contract, guarantee: str) -> bool:
    needed = experiments.needed(contract, experiments.checkers([guarantee]))
    return any(each.phase == "limits" for each in needed)


@contextmanager
def _kept(world: SimulatedWorld) -> Iterator[SimulatedWorld]:
    """A copy of a world; afterwards the world is known as it was."""
    known = world.tasks, world.snapshot, world.versions
    with world.copied():
        try:
            yield world
        finally:
            world.tasks, world.snapshot, world.versions = known


def dependents(changes: Sequence[Change]) -> list[str]:
    """The guarantees that say that they depend on what changed."""
    return [
        checker.name
        for checker in experiments.checkers()
        if any(fnmatchcase(change.name, glob) for change in changes for glob in checker.depends)
    ]


def _why(tried: Sequence[str], changes: Sequence[Change]) -> str:
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


def _is_of(verdict: Verdict, difference: Difference, seen: Guarantees) -> bool:
    return verdict.guarantee == guarantee_of(difference) and verdict.tier == _tier(difference, seen)


def _tier(difference: Difference, seen: Guarantees) -> str:
    return seen.tiers.get(difference.of, difference.of)


def _told(difference: Difference, verdict: Verdict | None) -> str:
    if verdict is not None and verdict.outcome is not Outcome.KEPT:
        return f"{verdict.outcome.value}: {verdict.observed}"
    return difference.text


def settings_of(app: str, contract: Contract, workdir: Path, broker: str, seed: int) -> StageSettings:
    """What every bench is opened with."""
    return StageSettings(app=app, contract=contract, workdir=workdir, broker=broker, seed=seed)
