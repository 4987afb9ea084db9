"""Runs that scenarios share, begun beside the first scenarios, in a process of their own.

On the simulated stage a run keeps one processor busy, and the next ones wait for nothing of it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import run, store
from harness.plugin import Judgement, Target

MAIN = "from harness.cli import main; main()"
WITHIN_S = 600
SHARED = {"myhours": "myhours.celery:app", "documented": "myhours.documented:app"}
"""Fixtures of shared runs, and their apps."""
JUDGED = (0, 1, 3)
"""Exit statuses of a run that was judged: kept, broken, unknown."""


class Ahead:
    """One run that has begun."""

    def __init__(self, target: Target, folder: Path, *, broker: str, seed: int) -> None:
        self.folder = folder
        words = ["-A", target.app, "--workdir", str(target.workdir), "--contract", target.contract.path]
        words += ["--stage", "simulated", "--broker", broker, "--seed", str(seed), "--reports", str(folder)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "verify", *words, "--quiet"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.found: Judgement | None = None

    def judgement(self) -> Judgement:
        """What it came to; waits for its end."""
        if self.found is None:
            _, said = self.process.communicate(timeout=WITHIN_S)
            assert self.process.returncode in JUDGED, said
            [record] = self.folder.rglob("history.jsonl")
            contract, history = store.load(record.parent)
            self.found = Judgement(tuple(run.judge(contract, history)), history, contract)
        return self.found


def last(items: list[pytest.Item]) -> None:
    """Move files whose scenarios ask for shared runs behind the others, which are run meanwhile."""
    asking = {item.path for item in items if wanted([item])}
    items.sort(key=lambda item: item.path in asking)


def wanted(items: Iterable[pytest.Item]) -> list[str]:
    """The shared runs that these scenarios ask for."""
    names = {name for item in items for name in getattr(item, "fixturenames", ())}
    return [name for name in SHARED if name in names]


@contextmanager
def begun(target: Target, folder: Path, *, broker: str, seed: int) -> Iterator[Ahead]:
    """Begin a run; it is ended with the context, wanted or not."""
    found = Ahead(target, folder, broker=broker, seed=seed)
    try:
        yield found
    finally:
        found.process.terminate()
        found.process.wait(WITHIN_S)
