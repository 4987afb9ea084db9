"""The order of things of ``gate`` and ``lock``: base, changes, choice, runs, comparison."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness import discovery, experiments, gate_rules, impact, lock_file, run
from harness.checker import WHOLE_APP
from harness.choice import find_contract
from harness.comparison import Comparison, guarantee_of, key
from harness.contract import Contract
from harness.contract_file import resolve
from harness.differences import Difference, Kind, compare
from harness.errors import AppError, HistoryError, UsageError
from harness.guarantees import Guarantees, merged, observe
from harness.impact import Change, Choice, FileChange
from harness.inspection import Inspection, inspect
from harness.members import rounds
from harness.revisions import Repository
from harness.stage import Stage
from harness.verdict import Outcome, Verdict

SEED = 1
"""The same faults on both sides, and in every run of CI."""
FIRST, LAST = "simulated", "processes"
"""The stage that is asked first where it is there, and the one that has the final word."""


class NothingDiffers(UsageError):
    """The working copy is the base: there is nothing to judge."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; `base` is a revision of git, empty for what is committed, or the lock file."""

    app: str
    workdir: Path
    contract: Path | None = None
    base: str = ""
    everything: bool = False
    lock: Path = lock_file.DEFAULT
    stage: str = ""
    broker: str = "redis"
    warp: str = "auto"
    seed: int = SEED
    reports: Path = Path("reports")
    report: Callable[[str], None] = field(default=lambda _text: None)
    warn: Callable[[str], None] = field(default=lambda _text: None)


@dataclass(frozen=True, slots=True)
class Side:
    """One revision: its contract, resolved, and what Celery has in force."""

    contract: Contract
    inspection: Inspection
    workdir: Path

    @property
    def revision(self) -> gate_rules.Revision:
        """What static rules ask for."""
        return self.inspection.snapshot, self.workdir, self.contract


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed of one revision, and the verdicts that say so."""

    guarantees: Guarantees
    verdicts: tuple[Verdict, ...] = ()
    folder: str = ""
    bent: bool = False
    """Whether the machine starved so that clocks bent: then `unknown` may say nothing of the app."""

    def of(self, outcome: Outcome) -> set[str]:
        """The guarantees with such a verdict in some tier."""
        return {verdict.guarantee for verdict in self.verdicts if verdict.outcome is outcome}


def lock(request: Request) -> Guarantees:
    """Run everything and say what was observed; `HistoryError` where the machine was too slow to tell."""
    side = look(request, request.workdir, request.contract)
    stage = request.stage or LAST
    seen = _once_more(request, side, stage, (), _run(request, side, stage, (), (), request.reports))
    for focus in rounds(side.contract, side.inspection.snapshot):
        request.report(f"looking at {', '.join(focus)}, configured unlike others of the tier")
        seen = _with_facts(seen, _look_at(request, side, stage, focus), focus)
    if seen.bent and seen.of(Outcome.UNKNOWN):
        raise HistoryError(
            f"{request.app}: the machine starved, and clocks bent: not everything could be observed.",
            remedy="Run it again when the machine does nothing else.",
        )
    return seen.guarantees


def gate(request: Request) -> Comparison:
    """Judge a change: run what it can touch, and compare with what the base guaranteed."""
    request.report("reading what is in force")
    if not request.stage and (why := _why_missing(FIRST, request.broker)):
        request.warn(f"no stage {FIRST} ({why}): all runs on {LAST}, which takes longer")
    repository = Repository.around(request.workdir)
    commit = _base(request, repository)
    locked = _locked(request, repository, commit)
    head = look(request, request.workdir, request.contract)
    with _base_side(request, repository, commit) as side:
        settings = changes(side, head)
        head, base = _focused(head, settings), _focused(side, settings) if side is not None else None
        choices = choose(request, base, head, settings, _files(request, repository, commit))
        only, tiers = tuple(each.guarantee for each in choices), _tiers(choices)
        if locked is None and base is not None and choices:
            before = _before(request, base, only, tiers)
        else:
            before = Seen(locked or Guarantees(request.app))
            unseen = _unseen(before.guarantees, base) if choices and base is not None else ()
            if base is not None and unseen:
                looked = _before(request, base, only, tiers, _stages(request)[0])
                before = replace(_with_facts(before, looked, unseen), verdicts=before.verdicts)
        findings = gate_rules.newly_broken(base.revision if base is not None else None, head.revision)
    after = _after(request, head, only, tiers, before.guarantees) if choices else before
    found = compare(before.guarantees, after.guarantees) if choices else []
    accepted, current = acceptance(request, repository, commit, found)
    return Comparison(
        app=request.app,
        base=_told(request, commit, lock_known=locked is not None),
        settings=tuple(settings),
        choices=tuple(choices),
        promised=len(_promised(head.contract)),
        differences=tuple(found),
        accepted=accepted,
        before=before.verdicts,
        after=after.verdicts if choices else (),
        tiers=after.guarantees.tiers,
        origins=head.contract.origins,
        findings=findings,
        lock=str(request.lock),
        lock_command=_lock_command(request),
        lock_current=current,
        folder=after.folder,
    )


def _look_at(request: Request, side: Side, stage: str, focus: tuple[str, ...]) -> Seen:
    """A whole run in which these tasks stand for their tiers."""
    focused = replace(side, contract=replace(side.contract, focus=focus))
    return _once_more(request, focused, stage, (), _run(request, focused, stage, (), (), request.reports))


def _with_facts(seen: Seen, later: Seen, tasks: Sequence[str]) -> Seen:
    """What was seen, and the facts of these tasks as they were seen later."""
    facts = {**seen.guarantees.facts, **{task: later.guarantees.facts.get(task, {}) for task in tasks}}
    return replace(
        seen, guarantees=replace(seen.guarantees, facts=facts), bent=seen.bent or later.bent,
        verdicts=(*seen.verdicts, *later.verdicts),
    )  # fmt: skip


def look(request: Request, workdir: Path, contract: Path | None) -> Side:
    """Load one revision of the app; nothing runs."""
    promises, _ = find_contract(request.app, workdir, contract)
    inspection = inspect(request.app, workdir)
    return Side(resolve(promises, inspection.tasks), inspection, workdir)


def changes(base: Side | None, head: Side) -> list[Change]:
    """Everything that differs in what is in force and in what is promised."""
    if base is None:
        return []
    moved = (str(base.workdir.resolve()), str(head.workdir.resolve()))
    return [
        *impact.changes(base.inspection.snapshot, head.inspection.snapshot, moved),
        *impact.promised(base.contract, head.contract),
    ]


def _focused(side: Side, settings: Sequence[Change]) -> Side:
    """A revision in whose runs the tasks stand for their tier that the change names."""
    return replace(side, contract=impact.focused(side.contract, settings))


def choose(
    request: Request, base: Side | None, head: Side, settings: Sequence[Change], files: Sequence[FileChange]
) -> list[Choice]:
    """What is put to the test, and why."""
    if request.everything or base is None:
        why = (
            "--all asks for everything" if request.everything else "there is no base to compare settings with"
        )
        return [Choice(name, (), (why,)) for name in _promised(head.contract)]
    return impact.choose(head.contract, experiments.checkers(), settings, files)


def acceptance(
    request: Request, repository: Repository | None, commit: str, found: Sequence[Difference]
) -> tuple[frozenset[tuple[str, str, str]], bool | None]:
    """The differences that the lock file of this change has taken up, and whether it has taken up all.

    Without git nothing says that the lock file is of this change: nothing is accepted then.
    """
    now = lock_file.read(request.lock)
    if now is None:
        return frozenset(), None
    same = {key(each) for each in found if lock_file.value(now, each) == each.after}
    inside = repository.inside(request.lock) if repository is not None else None
    known = repository.text(commit, inside) if repository is not None and inside is not None else None
    updated = inside is not None and known != request.lock.read_text(encoding="utf-8")
    return frozenset(same if updated else ()), len(same) == len(found)


def _promised(contract: Contract) -> list[str]:
    """The guarantees that a contract promises to some tier."""
    return [
        checker.name
        for checker in experiments.checkers()
        for tiers in [(WHOLE_APP,) if checker.scope == "app" else contract.tiers]
        if any(checker.promise(tier) is not None for tier in tiers)
    ]


def _tiers(choices: Sequence[Choice]) -> tuple[str, ...]:
    """The tiers that are run: those of all choices, or all where one choice is for all."""
    if any(not choice.tiers for choice in choices):
        return ()
    return tuple(sorted({tier for choice in choices for tier in choice.tiers}))


def _base(request: Request, repository: Repository | None) -> str:
    """The commit to compare with; "" where there is none, and the lock file as it is must do."""
    if repository is not None:
        commit = repository.base(request.base or "HEAD")
        if repository.changed(commit):
            return commit
        raise NothingDiffers(
            f"Nothing differs from {request.base or 'HEAD'}.",
            remedy="Name what the change is compared with: --base origin/main",
        )
    if request.base:
        raise UsageError(
            f"--base {request.base}: {request.workdir} is in no git repository.",
            remedy="Without one, the gate compares with the lock file: leave --base out.",
        )
    if not request.lock.exists():
        raise UsageError(
            "There is nothing to compare with: no git repository and no lock file.",
            remedy=f"Make one: celery-harness lock -A {request.app}",
        )
    return ""


def _locked(request: Request, repository: Repository | None, commit: str) -> Guarantees | None:
    """What the lock file of the base says; None where the base has none."""
    if repository is None:
        locked = lock_file.read(request.lock)
    else:
        inside = repository.inside(request.lock)
        text = repository.text(commit, inside) if inside is not None else None
        locked = lock_file.loads(text, f"{request.lock} of {commit[:10]}") if text is not None else None
    if locked is not None and locked.app != request.app:
        raise UsageError(
            f"{request.lock}: this is the lock file of {locked.app}, not of {request.app}.",
            remedy="Name another file: --lock FILE",
        )
    return locked


def _files(request: Request, repository: Repository | None, commit: str) -> list[FileChange]:
    """The changed files that can be of the app: in its working directory, and not the lock file."""
    if repository is None:
        return []
    place, locked = repository.inside(request.workdir), repository.inside(request.lock)
    inside = "" if place is None or place == Path() else f"{place.as_posix()}/"
    return [
        FileChange(path, repository.text(commit, Path(path)), repository.text_now(Path(path)))
        for path in repository.changed(commit)
        if path.startswith(inside) and path != str(locked or "")
    ]


@contextmanager
def _base_side(request: Request, repository: Repository | None, commit: str) -> Iterator[Side | None]:
    """The base, unpacked and loaded; None without git."""
    if repository is None:
        yield None
        return
    place = repository.inside(request.workdir) or Path()
    given = repository.inside(request.contract) if request.contract is not None else None
    with repository.unpacked(commit) as folder:
        try:
            side = look(request, folder / place, folder / given if given is not None else None)
        except (AppError, OSError) as error:
            raise UsageError(
                f"The base {commit[:10]} cannot be loaded: {error}",
                remedy="Name another base, or take --all with a lock file.",
            ) from error
        yield side


def _run(
    request: Request, side: Side, stage: str, only: Sequence[str], tiers: Sequence[str], reports: Path
) -> Seen:
    """One run of one revision on one stage."""
    named = [*(("--stage", stage) if stage != LAST else ())]
    named += [word for task in side.contract.focus for word in ("--focus", task)]
    outcomes = run.verify(
        run.Request(
            app=request.app, contract=side.contract, workdir=side.workdir.resolve(), stage=stage,
            broker=request.broker, warp=request.warp, seed=request.seed, only=tuple(only), tiers=tuple(tiers),
            reports=reports, command=_command(request, "verify", *named),
            report=request.report, warn=request.warn,
        )
    )  # fmt: skip
    bent = any(True for _ in outcomes.history.of("clock-bent"))
    guarantees = observe(outcomes.contract, outcomes.history, outcomes.verdicts)
    return Seen(guarantees, outcomes.verdicts, str(outcomes.folder), bent=bent)


def _unseen(known: Guarantees, base: Side) -> tuple[str, ...]:
    """The tasks in focus of which the lock file knows little: others stood for their tiers there."""
    alone = {task for focus in rounds(base.contract, base.inspection.snapshot) for task in focus}
    return tuple(task for task in base.contract.focus if task in known.facts and task not in alone)


def _before(request: Request, base: Side, only: Sequence[str], tiers: Sequence[str], stage: str = "") -> Seen:
    """What the base guarantees; its run is not kept, since its files are gone afterwards."""
    request.report("running the base")
    with tempfile.TemporaryDirectory(prefix="celery-harness-base-") as folder:
        kept = replace(request, reports=Path(folder))
        stage = stage or _stages(request)[-1]
        return _once_more(kept, base, stage, tiers, _run(kept, base, stage, only, tiers, kept.reports))


def _after(
    request: Request, head: Side, only: Sequence[str], tiers: Sequence[str], before: Guarantees
) -> Seen:
    """What this revision guarantees: on the first stage, and what is doubtful there on the last one again."""
    first, *later = _stages(request)
    seen = _run(request, head, first, only, tiers, request.reports)
    for stage in later:
        found = compare(before, seen.guarantees)
        doubtful = {guarantee_of(d) for d in found if d.kind in (Kind.WEAKENED, Kind.UNKNOWN)} & set(only)
        doubtful |= seen.of(Outcome.BROKEN) | seen.of(Outcome.UNKNOWN)
        if doubtful:
            request.report(f"confirming {len(doubtful)} guarantees on stage {stage}")
            seen = _joined(seen, _run(request, head, stage, sorted(doubtful), tiers, request.reports))
    return _once_more(request, head, (later or [first])[-1], tiers, seen)


def _once_more(request: Request, side: Side, stage: str, tiers: Sequence[str], seen: Seen) -> Seen:
    """What could not be judged since clocks bent is measured again, once; what is known stays as it is."""
    doubtful = sorted(seen.of(Outcome.UNKNOWN))
    if not seen.bent or not doubtful:
        return seen
    request.warn(f"clocks bent on this busy machine: {', '.join(doubtful)} once more.")
    return _joined(seen, _run(request, side, stage, doubtful, tiers, request.reports))


def _joined(first: Seen, later: Seen) -> Seen:
    """Two runs of one revision; the later one has the last word."""
    verdicts = {(v.guarantee, v.tier): v for v in (*first.verdicts, *later.verdicts)}
    guarantees = merged(first.guarantees, later.guarantees)
    return Seen(guarantees, tuple(verdicts.values()), later.folder, bent=later.bent)


def _stages(request: Request) -> list[str]:
    """The simulated stage where it is there, then processes for what it leaves open; or the one asked for."""
    if request.stage:
        return [request.stage]
    return [name for name in (FIRST, LAST) if name == LAST or not _why_missing(name, request.broker)]


def _why_missing(stage: str, broker: str) -> str:
    kind: type[Stage] = discovery.find("stages", stage)
    return kind.available(broker).why


def _command(request: Request, name: str, *more: str) -> str:
    """A command line about the same app."""
    words = ["celery-harness", name, "-A", request.app]
    words += ["--workdir", str(request.workdir)] if request.workdir != Path() else []
    words += ["--contract", str(request.contract)] if request.contract is not None else []
    return shlex.join([*words, *more])


def _lock_command(request: Request) -> str:
    """The command that writes the lock file anew."""
    named = () if request.lock == lock_file.DEFAULT else ("--lock", str(request.lock))
    return _command(request, "lock", *named)


def _told(request: Request, commit: str, *, lock_known: bool) -> str:
    if not commit:
        return str(request.lock)
    name = f"{request.base or 'HEAD'} ({commit[:10]})"
    return f"{name}, by its {request.lock}" if lock_known else name
