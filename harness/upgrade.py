"""The order of things of ``compare``: the same experiments in several environments or on several brokers."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import environments, impact, store
from harness.choice import find_contract
from harness.comparison import guarantee_of
from harness.contract_file import dumps
from harness.differences import Difference, Kind, compare
from harness.errors import StageError, UsageError
from harness.guarantees import Guarantees, observe
from harness.launcher import python_path
from harness.settings import Settings
from harness.verdict import Outcome, Verdict

INSTALLED = "installed"
COMMAND = "from harness.cli import main; main()"


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for; each of `versions` is requirements for one environment, split by spaces."""

    app: str
    workdir: Path
    versions: tuple[str, ...] = ()
    brokers: tuple[str, ...] = ()
    contract: Path | None = None
    stage: str = "processes"
    seed: int = 1
    only: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    report: Callable[[str], None] = field(default=lambda _text: None)


@dataclass(frozen=True, slots=True)
class Side:
    """What was seen in one environment on one broker."""

    name: str
    guarantees: Guarantees
    verdicts: tuple[Verdict, ...]
    settings: Settings

    @property
    def versions(self) -> str:
        """``celery 5.7.0, kombu 5.7.0``."""
        known = self.settings.get("versions") or {}
        return ", ".join(f"{name} {known[name]}" for name in ("celery", "kombu") if name in known)


@dataclass(frozen=True, slots=True)
class Told:
    """One difference, with what was observed on both sides."""

    difference: Difference
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """The first side, and another one."""

    first: Side
    other: Side
    behaviour: tuple[Told, ...]
    settings: tuple[impact.Change, ...]

    @property
    def outcome(self) -> Outcome:
        """Broken where something is weaker on the other side, unknown where it could not be judged."""
        kinds = {each.difference.kind for each in self.behaviour}
        if Kind.WEAKENED in kinds:
            return Outcome.BROKEN
        return Outcome.UNKNOWN if Kind.UNKNOWN in kinds else Outcome.KEPT


def run(request: Request) -> list[Compared]:
    """Run every side, and compare each with the first."""
    sides = plan(request)
    contract, _ = find_contract(request.app, request.workdir, request.contract)
    with tempfile.TemporaryDirectory(prefix="celery-harness-compare-") as folder:
        place = Path(folder)
        path = place / "contract.toml"
        path.write_text(dumps(contract), encoding="utf-8")
        pythons = {version: _python(version, request.report) for version, _ in sides}
        seen = [
            _seen(request, version, broker, pythons[version], path, place / str(number))
            for number, (version, broker) in enumerate(sides)
        ]
    return [compared(seen[0], other) for other in seen[1:]]


def plan(request: Request) -> list[tuple[str, str]]:
    """Environment and broker of each side; `UsageError` where there is nothing to compare with."""
    versions = request.versions if len(request.versions) > 1 else ("", *request.versions)
    brokers = request.brokers or ("redis",)
    sides = [(version, broker) for version in versions for broker in brokers]
    if len(dict.fromkeys(sides)) < 2:
        raise UsageError(
            "There is nothing to compare with.",
            remedy="Name a version or brokers: --with celery==5.6.3, or --broker redis --broker rabbitmq.",
        )
    return list(dict.fromkeys(sides))


def compared(first: Side, other: Side) -> Compared:
    """What differs; settings that only one side reads among it."""
    found = compare(first.guarantees, other.guarantees)
    told = [
        Told(each, _observed(first, each), _observed(other, each))
        for each in found
        if each.part != "promises"
    ]
    changes = [each for each in impact.changes(first.settings, other.settings) if not each.task]
    return Compared(first, other, tuple(told), tuple(changes))


def _python(version: str, report: Callable[[str], None]) -> Path:
    if not version:
        return Path(sys.executable)
    report(f"environment with {version}")
    return environments.python_of(version.split())


def _seen(
    request: Request, version: str, broker: str, python: Path, contract: Path, reports: Path
) -> Side:  # fmt: skip
    name = ", ".join([version or INSTALLED, *([broker] if len(request.brokers) > 1 else [])])
    request.report(f"running {name}")
    words = [
        str(python), "-c", COMMAND, "verify", "-A", request.app, "--workdir", str(request.workdir.resolve()),
        "--contract", str(contract), "--stage", request.stage, "--broker", broker,
        "--seed", str(request.seed), "--reports", str(reports), "--quiet",
        *(word for each in request.only for word in ("--only", each)),
        *(word for each in request.tiers for word in ("--tier", each)),
    ]  # fmt: skip
    done = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": python_path()}, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1, 3) or not reports.exists():
        said = done.stderr.strip().splitlines() or ["it ended without a word"]
        raise StageError(f"{name}: {said[-1].removeprefix('celery-harness: ')}")
    folder = next(path.parent for path in reports.rglob("verdict.json"))
    resolved, history = store.load(folder)
    verdicts = store.load_verdicts(folder)
    guarantees = observe(resolved, history, verdicts)
    return Side(name, guarantees, tuple(verdicts), history.header.settings)


def _observed(side: Side, difference: Difference) -> str:
    tier = side.guarantees.tiers.get(difference.of, difference.of)
    wanted = (guarantee_of(difference), tier)
    found = [each.observed for each in side.verdicts if (each.guarantee, each.tier) == wanted]
    return found[0] if found else ""


def worst(found: Sequence[Compared]) -> Outcome:
    """The worst outcome of all comparisons."""
    outcomes = {each.outcome for each in found}
    return next(each for each in (Outcome.BROKEN, Outcome.UNKNOWN, Outcome.KEPT) if each in outcomes)
