"""Runs that scenarios share, made one after another beside the first scenarios, in a process of their own.

On the simulated stage a run keeps one processor busy, and the next ones wait for nothing of it.
"""

from __future__ import annotations

import json
import os
import pickle
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import discovery, gate, run
from harness.choice import find_contract
from harness.plugin import Judgement, Target
from harness.stage import Stage
from scenarios import edits
from scenarios.mutations import MUTATIONS, mutated

WITHIN_S = 600
SHARED = {"myhours": "myhours.celery:app", "documented": "myhours.documented:app"}
"""Fixtures of shared runs, and their apps."""
EDITED = "compared"
"""The fixture of what the gate says of all edits; it is made from the shared run of myhours."""
MUTATED = {f"mutated: {name}": name for name in MUTATIONS}
"""Runs of changed projects, by the fixture and its parameter."""
ORDER = (*SHARED, EDITED, *MUTATED)
"""In which they are made; scenarios that ask for a later one come later."""


class Ahead:
    """Runs that have begun, or will when those before them have ended."""

    def __init__(self, root: Path) -> None:
        self.folder = Path()
        self.names: frozenset[str] = frozenset()
        self.found: dict[str, Any] = {}
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the runs
        self.process = subprocess.Popen(
            [sys.executable, "-m", "scenarios.ahead"],
            cwd=root, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
        )  # fmt: skip

    def begin(self, names: Iterable[str], folder: Path, *, broker: str, seed: int) -> None:
        """Say which runs are wanted; until then the process only imports what it needs."""
        self.folder, self.names = folder, frozenset(names)
        wanted = [name for name in ORDER if name in self.names]
        asked = {"folder": str(folder), "broker": broker, "seed": seed, "names": wanted}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked).encode() + b"\n")

    def end(self) -> None:
        """End the runs, made or not."""
        self.process.terminate()
        self.process.wait(WITHIN_S)
        for each in (self.process.stdin, self.process.stdout, self.errors):
            assert each is not None
            each.close()

    def makes(self, name: str) -> bool:
        """Whether it is made beside. A changed project that has not begun there is left to who asks."""
        if name in MUTATED and name not in self.found:
            return name in self.names and not claim(self.folder, name)
        return name in self.names

    def result(self, name: str) -> Any:
        """What a run came to; waits for its end."""
        while name not in self.found:
            assert self.process.stdout is not None
            assert select.select([self.process.stdout], [], [], WITHIN_S)[0], f"{name} takes too long"
            made = self.process.stdout.readline().decode().strip()
            assert made, self._complaint()
            self.found[made] = pickle.loads((self.folder / f"{made}.pickle").read_bytes())  # noqa: S301 - we wrote it
        return self.found[name]

    def _complaint(self) -> str:
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")


def claim(folder: Path, name: str) -> bool:
    """Whether it is ours to make: true for the first who asks, of all processes."""
    try:
        (folder / f"{name}.begun").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def last(items: list[pytest.Item]) -> None:
    """Move files whose scenarios ask for shared runs behind the others, which are run meanwhile."""
    ranks: dict[Path, int] = {}
    for item in items:
        rank = max((ORDER.index(name) + 1 for name in wanted([item])), default=0)
        ranks[item.path] = max(rank, ranks.get(item.path, 0))
    items.sort(key=lambda item: ranks[item.path])


def wanted(items: Iterable[pytest.Item]) -> list[str]:
    """The shared runs that these scenarios ask for."""
    names = {name for item in items for name in _asked(item)}
    return [name for name in ORDER if name in names]


def _asked(item: pytest.Item) -> Iterator[str]:
    yield from getattr(item, "fixturenames", ())
    if isinstance(item, pytest.Function) and "mutated" in item.fixturenames:
        yield f"mutated: {item.callspec.params['name']}"


def made(name: str, before: dict[str, Any], folder: Path, *, broker: str, seed: int) -> Any:
    """One shared run."""

    def judge(target: Target, *guarantees: str, tiers: Sequence[str] = (), **_: Any) -> Judgement:
        asked = run.Request(
            app=target.app, contract=target.contract, workdir=target.workdir, stage="simulated",
            broker=broker, seed=seed, only=guarantees, tiers=tuple(tiers), reports=folder / "reports",
        )  # fmt: skip
        found = run.verify(asked)
        return Judgement(found.verdicts, found.history, found.contract)

    if name == EDITED:
        return gate.gate(edits.edited(Path("myhours"), folder / "gate", before["myhours"], "simulated"))
    app, workdir = SHARED.get(name, SHARED["myhours"]), Path("myhours").absolute()
    target = Target(app, find_contract(app, workdir, None)[0], workdir)
    if name in MUTATED:
        return mutated(MUTATED[name], judge, target, folder / name)
    return judge(target)


def _end_with_who_asked() -> None:
    """Standard input ends with it, also when it is killed; reapers end what was started here."""
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    """Make the runs that standard input names; each is said on standard output when it can be read."""
    line = sys.stdin.readline()
    if not line:
        return  # nobody wants any
    threading.Thread(target=_end_with_who_asked, daemon=True).start()
    asked = json.loads(line)
    folder, before = Path(asked["folder"]), dict[str, Any]()
    stage: type[Stage] = discovery.find("stages", "simulated")
    with stage.session():
        for name in asked["names"]:
            if not claim(folder, name):
                continue
            before[name] = made(name, before, folder, broker=asked["broker"], seed=asked["seed"])
            (folder / f"{name}.pickle").write_bytes(pickle.dumps(before[name]))
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
