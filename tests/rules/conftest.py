"""Tiny apps, loaded one after the other from one process that forks, and what the rules find in them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import IO, Any

import pytest

import harness
from harness import discovery
from harness.contract_file import loads
from harness.finding import Finding
from harness.lint import configured, judged, rules

HERE = Path(harness.__file__).resolve().parent.parent
SERVE = """
import json, os, sys, traceback
import celery.app.base, celery.app.amqp, celery.app.autoretry, celery.contrib.django, kombu.transport.redis
from celery.app.utils import find_app
from harness.probe.inspect import snapshot

def take(order):
    os.chdir(order["folder"])
    sys.path.insert(0, order["folder"])
    os.environ.update(order["environment"])
    return snapshot(find_app(order["app"]))

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what an app prints is no answer
for line in sys.stdin:
    if os.fork() == 0:
        try:
            answer = take(json.loads(line))
        except BaseException:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)
        os._exit(0)
    os.wait()
"""
HEAD = """
from celery import Celery, shared_task, signals
from celery.exceptions import SoftTimeLimitExceeded
from kombu import Exchange, Queue

app = Celery("shop", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
"""
"""What every tiny app begins with; its own lines follow, the first of them line `FIRST`."""

FIRST = HEAD.strip("\n").count("\n") + 2


class Loader:
    """One process that has Celery imported, and forks to load each app."""

    def __init__(self) -> None:
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("CELERY", "DJANGO"))}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**kept, "PYTHONPATH": str(HERE)},
        )  # fmt: skip

    def snapshot(self, folder: Path, app: str, environment: Mapping[str, str]) -> dict[str, Any]:
        """What Celery has in force in the app of a folder."""
        orders, answers = self._pipes
        orders.write(json.dumps({"folder": str(folder), "app": app, "environment": dict(environment)}) + "\n")
        orders.flush()
        answer: dict[str, Any] = json.loads(answers.readline())
        assert "error" not in answer, answer["error"]
        return answer

    @property
    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        return self.process.stdin, self.process.stdout

    def end(self) -> None:
        """End the process."""
        with self.process:
            for pipe in self._pipes:
                pipe.close()


@pytest.fixture(scope="session")
def loader() -> Iterator[Loader]:
    """The process that loads tiny apps."""
    found = Loader()
    yield found
    found.end()


class Linted:
    """Asks the rule that a test file is named after about tiny apps."""

    def __init__(self, loader: Loader, folder: Path, rule: str) -> None:
        self.loader = loader
        self.folder = folder
        self.rule = rule
        self.places = count()

    def __call__(
        self, text: str, *, head: str = HEAD, contract: str = "", files: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None, versions: Mapping[str, str] | None = None,
        rules_asked: Sequence[str] = (),
    ) -> list[Finding]:  # fmt: skip
        """What the rule finds in the app that `text` makes of `head`: `shop.py`, and other `files`."""
        folder = self.folder / f"app{next(self.places)}"
        written = {"shop.py": head.strip("\n") + "\n" + textwrap.dedent(text).lstrip("\n"), **(files or {})}
        for name, content in written.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content), encoding="utf-8")
        (folder / "pyproject.toml").touch()
        snapshot = self.loader.snapshot(folder, "shop:app", environment or {})
        snapshot["versions"] |= dict(versions or {})
        promises = contract and loads("schema = 1\n" + textwrap.dedent(contract), folder / "contract.toml")
        return judged(configured(snapshot, folder, promises or None), rules(rules_asked or [self.rule]))


Lint = Callable[..., list[Finding]]


@pytest.fixture
def lint(loader: Loader, tmp_path: Path, request: pytest.FixtureRequest) -> Lint:
    """The rule of this test file, asked about a tiny app."""
    name = request.path.stem.removeprefix("test_")
    known = name in discovery.names("rules")
    return Linted(loader, tmp_path, name if known else "setting_unknown")
