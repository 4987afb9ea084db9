"""The order of things: contract, experiments, stage, history, verdicts, store. No logic of its own."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from harness import contract_file, discovery, end_state, experiments, store
from harness.checker import WHOLE_APP, Checker
from harness.conduct import Conductor
from harness.contract import Contract, Tier
from harness.errors import UsageError
from harness.history import Event, Header, History, ordered
from harness.members import unlike, usual_member
from harness.reporter import Reporter
from harness.stage import Stage, StageSettings, World
from harness.verdict import Outcome, Verdict
from harness.warp import library
from harness.workload import Experiment


@dataclass(frozen=True, slots=True)
class Request:
    """What ``verify`` was asked for."""

    app: str
    contract: Contract
    workdir: Path
    stage: str = "processes"
    broker: str = "redis"
    warp: str = "auto"
    seed: int = 0
    only: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    reports: Path = Path("reports")
    database: str = "sqlite"
    server: str | None = None
    images: tuple[tuple[str, str], ...] = ()
    """Images of the user's own: role and reference; those of the contract play the other roles."""
    command: str = ""
    report: Callable[[str], None] = field(default=lambda _text: None)
    """Called with what is being done."""
    warn: Callable[[str], None] = field(default=lambda _text: None)
    """Called with what the user should know, watched or not."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What a run gave: the record, the judgement, and where both are kept."""

    history: History
    contract: Contract
    verdicts: tuple[Verdict, ...]
    folder: Path


def verify(request: Request) -> Outcomes:
    """Run what the contract needs on a stage, judge the record, keep both."""
    judges = experiments.checkers(request.only)
    unknown = [name for name in request.tiers if name not in {tier.name for tier in request.contract.tiers}]
    if unknown:
        known = ", ".join(tier.name for tier in request.contract.tiers)
        raise UsageError(f"The contract has no tier {unknown[0]!r}.", remedy=f"Its tiers are: {known}.")
    if not request.workdir.is_dir():
        raise UsageError(
            f"{request.workdir}: there is no such folder.", remedy="Name the app's: --workdir DIR"
        )
    store.check_writable(request.reports)
    kind: type[Stage] = discovery.find("stages", request.stage)
    settings = StageSettings(
        app=request.app, contract=request.contract, workdir=request.workdir, broker=request.broker,
        warp=request.warp, seed=request.seed, server=request.server, database=request.database,
        images=request.images,
    )  # fmt: skip
    request.report(f"stage {request.stage}, broker {request.broker}: starting")
    with kind.open(settings) as world:
        contract = contract_file.resolve(request.contract, world.tasks)
        for task in contract.focus:
            if task not in world.tasks:
                raise UsageError(
                    f"--focus {task}: the app has no such task.",
                    remedy=discovery.suggestion(task, world.tasks),
                )
        needed = experiments.needed(contract, judges, request.tiers)
        for line in _untried(contract, world.snapshot, request.tiers):
            request.warn(line)
        for note in world.arrived():
            if note.kind == "interlock-note" and note.source == "harness":
                request.warn(note.get("text"))
        if world.warp == "off":
            request.warn(_cost(contract, needed, asked=request.warp == "off"))
        Conductor(world, contract, request.report).run(needed)
        history = record_of(world, contract, request)
    verdicts = judge(contract, history, only=request.only, tiers=request.tiers)
    folder = keep(request.reports, _scenario(request), contract, history, verdicts)
    return Outcomes(history, contract, tuple(verdicts), folder)


def _untried(contract: Contract, settings: Mapping[str, Any], tiers: Sequence[str]) -> Iterator[str]:
    """What is said of tasks that are configured unlike the one that stands for their tier."""
    for tier in contract.tiers:
        others = unlike(contract, tier, settings) if not tiers or tier.name in tiers else {}
        for task in sorted(set(others) - set(contract.focus)):
            yield (
                f"{task} is configured unlike {usual_member(contract, tier)}, which stands for tier "
                f"{tier.name} ({', '.join(others[task][:3])}): --focus {task} tries it"
            )


def keep(
    reports: Path, scenario: str, contract: Contract, history: History, verdicts: Sequence[Verdict]
) -> Path:
    """Keep a run, with the page that shows it; returns its folder."""
    folder = store.save(reports, scenario, contract, history, verdicts)
    page: Reporter = discovery.find("reporters", "html")()
    store.save_page(folder, page.render(contract, history, verdicts, color=False))
    return folder


def judge(
    contract: Contract, history: History, *, only: Sequence[str] = (), tiers: Sequence[str] = ()
) -> list[Verdict]:
    """Every promise against the record; pure. What is broken and weighs most comes first."""
    verdicts = []
    for checker in experiments.checkers(only):
        for tier in experiments.tiers_of(contract, checker, tiers):
            verdict = checker.verdict(contract, tier, history)
            if verdict is not None:
                verdicts.append(_with_command(verdict, checker, tier, contract, history))
    rank = {Outcome.BROKEN: 0, Outcome.UNKNOWN: 1, Outcome.KEPT: 2}
    place = {tier.name: number for number, tier in enumerate(contract.tiers)}
    weight = {checker.name: checker.weight for checker in experiments.checkers(only)}
    return sorted(
        verdicts,
        key=lambda v: (rank[v.outcome], -weight[v.guarantee], v.guarantee, place.get(v.tier, -1)),
    )


def unless_unstruck(verdicts: Iterable[Verdict], history: History) -> Iterator[Verdict]:
    """Verdicts of experiments with faults: what was kept is unknown where a fault never struck."""
    unstruck = [
        f"{fault} of {event.get('experiment')}"
        for event in history.of("experiment-ended")
        for fault in event.get("unstruck") or ()
    ]
    said = f"never struck: {', '.join(unstruck)}: its trigger did not come"
    for verdict in verdicts:
        vacuous = unstruck and verdict.outcome is Outcome.KEPT
        yield replace(verdict, outcome=Outcome.UNKNOWN, observed=said) if vacuous else verdict


@functools.cache
def _own_version() -> str:
    """Read from disk once: `harness.search` makes thousands of records."""
    return metadata.version("celery-harness")


def record_of(world: World, contract: Contract, request: Request) -> History:
    """The whole record of a world, with what lies in the broker and the stores at the end."""
    found: list[Event] = end_state.read(world, contract)
    header = Header(
        app=request.app, stage=request.stage, broker=request.broker, seed=request.seed, warp=world.warp,
        database=request.database, server=request.server or "", images=dict(request.images),
        workdir=str(request.workdir), contract=contract.path, origins=contract.origins,
        only=request.only, tiers=request.tiers,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"), command=request.command,
        versions={**world.versions, "celery-harness": _own_version()},
        settings=world.snapshot,
        real_times=tuple(getattr(world, "real_times", ())),  # a stage whose time is simulated has none
    )  # fmt: skip
    return History(header, ordered([*world.events(), *found]))


def _with_command(
    verdict: Verdict, checker: Checker, tier: Tier, contract: Contract, history: History
) -> Verdict:
    """The one-line command that shows this verdict again, with whatever else it takes."""
    header, others, tiers = history.header, list[str](), list[str]()
    if verdict.outcome is Outcome.BROKEN:
        label = _behind(verdict, checker, tier, contract, history)
        parts = label.split("/")
        others = [parts[0]] if label else []
        tiers = [name for name in parts[1:2] if name != tier.name]
    words = [
        header.command or f"celery-harness verify -A {header.app}", f"--broker {header.broker}",
        f"--seed {header.seed}", *(f"--only {name}" for name in (verdict.guarantee, *others)),
    ]  # fmt: skip
    if tier is not WHOLE_APP:
        words += [f"--tier {shlex.quote(name)}" for name in (tier.name, *tiers)]
    return replace(verdict, reproduce=" ".join(words))


def _behind(verdict: Verdict, checker: Checker, tier: Tier, contract: Contract, history: History) -> str:
    """The experiment of another checker that breaks a guarantee which its own do not; "" where they do."""
    asked = () if tier is WHOLE_APP else (tier.name,)
    own = {each.name for each in experiments.needed(contract, [checker], asked)}
    labels = _labels(history)
    cited = [labels.get(history.events[place].task_id or "", "") for place in verdict.events]
    strange = [each for each in dict.fromkeys(cited) if each and each not in own]
    strange = [each for each in strange if each.split("/")[0] in discovery.names("checkers")]
    for label in ("", *strange) if strange else ():
        kept = {*own, label, ""}
        events = (e for e in history.events if labels.get(e.task_id or "", "") in kept)
        again = checker.verdict(contract, tier, History(history.header, tuple(events)))
        if again is not None and again.outcome is Outcome.BROKEN:
            return label
    return strange[0] if strange else ""


def _labels(history: History) -> Mapping[str, str]:
    """The experiment that each task belongs to: by its own publish, else by that of the task that sent it."""
    if "labels" not in history.memo:
        publishes: dict[str, Event] = {}
        for event in history.of("task-sent"):
            publishes.setdefault(event.task_id or "", event)
        found: dict[str, str] = {}
        for task_id, sent in publishes.items():  # in order of time: parents come first
            parent = str(sent.get("parent"))
            found[task_id] = str(sent.get("experiment") or found.get(parent, ""))
        history.memo["labels"] = found
    labels: Mapping[str, str] = history.memo["labels"]
    return labels


def _cost(contract: Contract, needed: Sequence[Experiment], *, asked: bool) -> str:
    """What real time costs: the sum over batches of what is waited for in each, at most."""
    longest_s = [
        max(each.settle_within_s for each in batch) for batch in experiments.batches(contract, needed)
    ]
    why = "" if asked else f" ({library.why_missing()})"
    minutes = max(1, sum(longest_s) / 60)
    return f"no warp{why}: hours take hours, and this run takes up to {minutes:,.0f} minutes."


def _scenario(request: Request) -> str:
    name = "".join(letter if letter.isalnum() else "-" for letter in request.app.partition(":")[0])
    return f"verify-{name}-{request.broker}"
