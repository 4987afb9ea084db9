"""The order of things of ``mutate``: what could be changed, what is guaranteed, what notices a change."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import zip_longest
from pathlib import Path
from typing import Any

from harness import discovery, experiments
from harness.choice import find_contract
from harness.contract import Contract
from harness.contract_file import resolve
from harness.equivalents import marked, marks, wrong
from harness.errors import UsageError
from harness.guarantees import Guarantees, merged
from harness.impact import Change
from harness.members import usual_member
from harness.mutation import Mutant, Mutation, Target
from harness.mutation_bench import KILLED, UNJUDGED, Base, Judged
from harness.mutation_crew import Crew, Lost
from harness.mutation_report import Score
from harness.mutation_trial import dependents
from harness.stage import StageSettings
from harness.verdict import Outcome, Verdict

TRIED = "1"
"""What a variable of the environment that has no default is set to, to see what the app makes of it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; `only` are globs over the ids of mutants, or names of operators."""

    app: str
    workdir: Path
    contract: Path | None = None
    broker: str = "redis"
    seed: int = 1
    only: tuple[str, ...] = ()
    jobs: int = 0
    report: Callable[[str], None] = field(default=lambda _text: None)
    warn: Callable[[str], None] = field(default=lambda _text: None)


def mutate(request: Request) -> Score:
    """Make every mutant, one at a time, and see which of them the gate would notice."""
    began_s = time.monotonic()
    given = list(marks(request.workdir))
    contract, _ = find_contract(request.app, request.workdir, request.contract)
    settings = StageSettings(
        app=request.app, contract=contract, workdir=request.workdir.resolve(), broker=request.broker,
        seed=request.seed,
    )  # fmt: skip
    with Crew(settings, request.jobs or os.cpu_count() or 1) as crew:
        request.report("reading what is in force")
        target, base = _surveyed(request, crew, contract)
        mutants = chosen(every(target), request.only)
        request.report(f"{len(mutants)} mutants; looking at the app as it is")
        base, broken = _observed(crew, base, focuses(target.contract, mutants))
        crew.tell(base)
        for verdict in broken:
            request.warn(f"{verdict.outcome.value} without a mutation: {verdict.guarantee} [{verdict.tier}]")
        judged = marked(_judged(request, crew, mutants), given)
    for line in wrong(judged, given, every=not request.only):
        request.warn(line)
    return Score(
        app=request.app, broker=request.broker, seed=request.seed, judged=tuple(judged),
        broken=tuple(f"{each.guarantee} [{each.tier}]" for each in broken),
        took_s=time.monotonic() - began_s,
    )  # fmt: skip


def every(target: Target) -> list[Mutant]:
    """All mutants of an app, operator by operator; the same app gives the same list."""
    found: list[Mutant] = []
    for name in discovery.names("mutations"):
        operator: Mutation = discovery.find("mutations", name)()
        found += operator.mutants(target)
    return list({mutant.id: mutant for mutant in found}.values())


def chosen(mutants: Sequence[Mutant], only: Sequence[str]) -> list[Mutant]:
    """Those that were asked for; `UsageError` where there are none of a name."""
    for glob in only:
        if not any(_is_one(mutant, glob) for mutant in mutants):
            known = [*discovery.names("mutations"), *(mutant.id for mutant in mutants)]
            raise UsageError(f"There is no mutant {glob!r} of this app.", remedy=_meant(glob, known))
    return [mutant for mutant in mutants if not only or any(_is_one(mutant, glob) for glob in only)]


def _meant(glob: str, known: Sequence[str]) -> str:
    suggested = discovery.suggestion(glob, known)
    return suggested if suggested.startswith("Did") else "celery-harness mutate --list shows all."


def _is_one(mutant: Mutant, glob: str) -> bool:
    return mutant.operator == glob or fnmatchcase(mutant.id, glob)


def listed(request: Request) -> list[Mutant]:
    """The mutants that would be judged; nothing is judged."""
    contract, _ = find_contract(request.app, request.workdir, request.contract)
    settings = StageSettings(
        app=request.app, contract=contract, workdir=request.workdir.resolve(), broker=request.broker
    )
    with Crew(settings, 1) as crew:
        target, _ = _surveyed(request, crew, contract)
    return chosen(every(target), request.only)


def _surveyed(request: Request, crew: Crew, contract: Contract) -> tuple[Target, Base]:
    found = _answered(crew.ask("survey", [()]))[0]
    reads = {name: dict(read) for name, read in found["reads"].items()}
    wanted = not request.only or any(fnmatchcase("environment", g.partition("/")[0]) for g in request.only)
    unset = [name for name, read in reads.items() if read["given"] is None and read["default"] is None]
    unclear = unset if wanted else []
    payloads = [({}, found["constants"]), *(({name: TRIED}, found["constants"]) for name in unclear)]
    always, *others = _answered(crew.ask("probe", payloads))
    restless = {path for _, path in always}
    for name, shows in zip(unclear, others, strict=True):
        plain = [
            each for each in shows if each[1] not in restless and isinstance(each[0], bool | int | float)
        ]
        reads[name]["shows"] = plain[0] if plain else None
    resolved = resolve(contract, found["tasks"])
    target = Target(
        snapshot=found["snapshot"], contract=resolved, broker=request.broker, reads=reads,
        options=found["options"], addresses=found["addresses"],
    )  # fmt: skip
    return target, Base(found["snapshot"], found["constants"])


def focuses(contract: Contract, mutants: Sequence[Mutant]) -> list[tuple[tuple[str, ...], list[str]]]:
    """Which tasks stand for their tiers, look after look, and the guarantees to look at.

    First all guarantees, with the tasks that stand for their tiers anyway. What a mutant does to another
    task can be told only from what that task did without it.
    """
    every = [checker.name for checker in experiments.checkers()]
    changed = {mutant.task for mutant in mutants}
    others = [
        [task for task in tier.members if task in changed and task != usual_member(contract, tier)]
        for tier in contract.tiers
    ]
    found: list[tuple[tuple[str, ...], list[str]]] = [((), every)]
    for tasks in zip_longest(*others):
        focus = tuple(task for task in tasks if task)
        names = {mutant.name for mutant in mutants if mutant.task in focus}
        touched = dependents([Change(name, "", None, None) for name in names])
        found.append((focus, [name for name in every if name in touched]))
    return found


def _observed(
    crew: Crew, base: Base, looks: Sequence[tuple[tuple[str, ...], list[str]]]
) -> tuple[Base, list[Verdict]]:
    """What the app guarantees as it is; one of the crew looks at one half, and so on."""
    orders = []
    for focus, names in looks:
        shares = [names[place :: len(crew.hands)] for place in range(len(crew.hands))]
        orders += [(share, focus) for share in shares if share]
    seen, others, costs = Guarantees(crew.settings.app), dict[str, Guarantees](), dict[str, int]()
    unkept: list[Verdict] = []
    answers = _answered(crew.ask("observed", orders))
    for (_, focus), (found, judged, counted) in zip(orders, answers, strict=True):
        if not focus:
            seen, costs = merged(seen, found), costs | counted
            unkept += [v for v in judged if v.outcome is not Outcome.KEPT]
        for task in focus:
            others[task] = merged(others.get(task, Guarantees(crew.settings.app)), found)
    known = replace(base, guarantees=replace(seen, families=frozenset()), others=others, costs=costs)
    return known, unkept


def _judged(request: Request, crew: Crew, mutants: Sequence[Mutant]) -> list[Judged]:
    counts = {"done": 0, KILLED: 0}

    def told(_place: int, answer: Any) -> None:
        counts["done"] += 1
        counts[KILLED] += isinstance(answer, Lost) or answer.outcome == KILLED
        request.report(f"{counts['done']} of {len(mutants)} mutants, {counts[KILLED]} killed")

    # Those that need an import of their own come last: a bench keeps one copy of the app at a time.
    ordered = sorted(range(len(mutants)), key=lambda place: bool(mutants[place].environment))
    answers = crew.ask("judge", [(mutants[place],) for place in ordered], told)
    found = {place: _of(mutants[place], answer) for place, answer in zip(ordered, answers, strict=True)}
    return [found[place] for place in sorted(found)]


def _of(mutant: Mutant, answer: Any) -> Judged:
    if isinstance(answer, Judged):
        return answer
    if "come to an end" in str(answer):
        return Judged(mutant, KILLED, by="no end", what=str(answer))
    return Judged(mutant, UNJUDGED, reason=str(answer))


def _answered(answers: Iterable[Any]) -> list[Any]:
    found = list(answers)
    for answer in found:
        if isinstance(answer, Lost):
            raise UsageError(f"The app could not be looked at: {answer}.")
    return found


def outcome_of(score: Score, at_least: float) -> int:
    """The exit status: 0 reached, 1 below, 3 where there was nothing to judge."""
    if not score.counted:
        return 3
    return 0 if score.percent >= at_least else 1


Constants = Mapping[str, Any]
