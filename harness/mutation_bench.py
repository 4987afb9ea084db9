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
from pathlib import Path
from typing import Any, Self

from harness import experiments, gate_rules, impact
from harness.comparison import guarantee_of
from harness.contract import Contract
from harness.contract_file import resolve
from harness.differences import compare
from harness.draft import fit
from harness.errors import AppError, HarnessError, InterlockError
from harness.guarantees import Guarantees, merged
from harness.impact import Change, Choice
from harness.mutation import Mutant
from harness.mutation_trial import (
    HINTS,
    WORSE,
    Doubt,
    Noticed,
    Trial,
    dependents,
    is_of,
    key_of,
    parts,
    tier_of,
    told,
    why,
)  # fmt: skip
from harness.stage import StageSettings
from harness.stages import simulated
from harness.stages._simulated_world import SimulatedWorld
from harness.verdict import Outcome, Verdict

KILLED, SURVIVED, EQUIVALENT, UNJUDGED = "killed", "survived", "equivalent", "unjudged"


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
    others: Mapping[str, Guarantees] = field(default_factory=dict)
    """What was seen where these tasks stood for their tiers."""
    costs: Mapping[str, int] = field(default_factory=dict)

    def of(self, focus: Sequence[str]) -> Guarantees:
        """What was seen without a mutation where these tasks stood for their tiers."""
        found = self.guarantees
        for task in focus:
            look = self.others.get(task, Guarantees(""))
            tier = look.tiers.get(task, "")
            outcomes = {tier: {**found.outcomes.get(tier, {}), **look.outcomes.get(tier, {})}}
            found = replace(
                found, facts={**found.facts, task: look.facts.get(task, {})},
                outcomes={**found.outcomes, **outcomes},
            )  # fmt: skip
        return found


class Bench:
    """One simulated process, and what is done to copies of it; a context manager."""

    def __init__(self, settings: StageSettings) -> None:
        self.settings = settings
        self._stack = ExitStack()
        self._loaded = ExitStack()
        self._opened: SimulatedWorld | None = None
        self._controls: dict[tuple[tuple[str, ...], tuple[tuple[str, tuple[str, ...]], ...]], Guarantees] = {}
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

    def observed(
        self, guarantees: Sequence[str], focus: Sequence[str] = ()
    ) -> tuple[Guarantees, list[Verdict], dict[str, int]]:
        """What the app guarantees without a mutation, as far as these guarantees show it.

        The tasks in `focus` stand for their tiers.
        """
        seen, verdicts, costs = Guarantees(self.settings.app), list[Verdict](), dict[str, int]()
        contract = replace(resolve(self.settings.contract, self._world().tasks), focus=tuple(focus))
        for part in parts(contract, [Choice(name, (), ()) for name in guarantees]):
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
            judged = self._judged(mutant)
        except (AppError, InterlockError) as error:
            judged = Judged(mutant, KILLED, by="import", what=str(error))
        except HarnessError as error:
            judged = Judged(mutant, KILLED, by="workers", what=str(error))
            if "simulat" in str(error):
                judged = Judged(mutant, UNJUDGED, reason=str(error))
        return replace(judged, took_s=time.monotonic() - began_s)

    def _judged(self, mutant: Mutant) -> Judged:
        """What becomes of a mutant; a doubtful difference must not be there without the mutation."""
        dismissed: set[tuple[str, str, str]] = set()
        while True:
            try:
                reason, outcome = self._reason(mutant, dismissed)
                return Judged(mutant, outcome, reason=reason)
            except Noticed as noticed:
                if noticed.doubt is None or self._confirmed(noticed.doubt):
                    return Judged(mutant, KILLED, by=noticed.by, what=noticed.what)
                dismissed.add(key_of(noticed.doubt.difference))

    def _confirmed(self, doubt: Doubt) -> bool:
        """Whether the app as it is, put to the same experiments in the same order, shows something else."""
        key = doubt.focus, tuple((choice.guarantee, choice.tiers) for choice in doubt.tried)
        if key not in self._controls:
            contract = replace(resolve(self.settings.contract, self._world().tasks), focus=doubt.focus)
            with _kept(self._world()) as world:
                world.tell("edit", edits=[])
                simulated.launch(world)
                trial, seen = Trial(world, self.settings, contract), Guarantees("")
                for choice in doubt.tried:
                    seen, _ = trial.judge(choice.guarantee, choice.tiers)
            self._controls[key] = seen
        found = compare(self._controls[key], doubt.seen)
        return any(key_of(each) == key_of(doubt.difference) and each.kind in WORSE for each in found)

    def _reason(self, mutant: Mutant, dismissed: set[tuple[str, str, str]]) -> tuple[str, str]:
        """Why nothing notices a mutant, and what that makes of it; `Noticed` where something does."""
        with self._made(mutant) as world:
            changes = self._changes(mutant, world)
            if mutant.environment and not changes and self._same(world):
                return "nothing that the app loads differs", EQUIVALENT
            changes = changes or [Change(mutant.name, mutant.task, mutant.before, mutant.after)]
            contract = impact.focused(resolve(self.settings.contract, world.tasks), changes)
            choices = impact.choose(contract, experiments.checkers(), changes, ())
            choices.sort(key=lambda each: self._rank(each.guarantee, changes, mutant))
            first, second = parts(contract, choices)
            self._try(world, contract, first, dismissed)
            if not second:
                self._static(contract, world)
        if second:
            with self._made(mutant) as world:
                self._try(world, contract, second, dismissed)
                self._static(contract, world)
        return why([choice.guarantee for choice in choices], changes), SURVIVED

    def _try(
        self, world: SimulatedWorld, contract: Contract, choices: Sequence[Choice],
        dismissed: set[tuple[str, str, str]],
    ) -> None:  # fmt: skip
        """`Noticed` where one of these guarantees shows a difference."""
        simulated.launch(world)
        trial = Trial(world, self.settings, contract)
        base = self.base.of(contract.focus)
        for place, choice in enumerate(choices, 1):
            seen, verdicts = trial.judge(choice.guarantee, choice.tiers)
            for each in compare(base, seen):
                if each.kind in WORSE and key_of(each) not in dismissed:
                    verdict = next((v for v in verdicts if is_of(v, each, seen)), None)
                    sure = verdict is not None and verdict.outcome is Outcome.BROKEN
                    doubt = None if sure else Doubt(each, contract.focus, tuple(choices[:place]), seen)
                    by = f"{guarantee_of(each)} [{tier_of(each, seen)}]"
                    raise Noticed(by, told(each, verdict), doubt)

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


@contextmanager
def _kept(world: SimulatedWorld) -> Iterator[SimulatedWorld]:
    """A copy of a world; afterwards the world is known as it was."""
    known = world.tasks, world.snapshot, world.versions
    with world.copied():
        try:
            yield world
        finally:
            world.tasks, world.snapshot, world.versions = known


def settings_of(app: str, contract: Contract, workdir: Path, broker: str, seed: int) -> StageSettings:
    """What every bench is opened with."""
    return StageSettings(app=app, contract=contract, workdir=workdir, broker=broker, seed=seed)
