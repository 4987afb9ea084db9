"""Looks at an app without running it: loads it in a process of its own, behind the interlock.

An app may use its cache, or publish, when it is imported: an empty Valkey or Redis of our own answers.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import AppError, InterlockError
from harness.launcher import ProcessLauncher, python_path
from harness.probe.config import VARIABLE, ProbeConfig
from harness.redis_server import RedisServer, find_binary
from harness.warp import library

WITHIN_S = 120.0
NOWHERE = ("127.0.0.1", 9)
"""The discard port: allowed, and nothing listens there."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an app is: its tasks, what Celery has in force (`harness.settings`), and versions."""

    tasks: tuple[str, ...]
    snapshot: dict[str, Any]
    versions: dict[str, str]


def inspect(app: str, workdir: Path) -> Inspection:
    """Load an app and read what is in force; `AppError` where it cannot be loaded."""
    folder, token = ProcessLauncher.new_folder()
    launcher = ProcessLauncher({"active": {}, "passive": {}}, folder, token)
    try:
        with _server(launcher) as address:
            return _inspect(app, workdir, launcher, address)
    finally:
        launcher.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _server(launcher: ProcessLauncher) -> Iterator[tuple[str, int]]:
    """The address of a server that has nothing yet; `NOWHERE` on a machine without a binary."""
    if find_binary() is None:
        yield NOWHERE
        return
    server = RedisServer(launcher, "inspected", durable=False)
    server.start()
    try:
        yield server.address
    finally:
        server.stop()


def _inspect(app: str, workdir: Path, launcher: ProcessLauncher, server: tuple[str, int]) -> Inspection:
    url = "redis://{}:{}/0".format(*server)
    allowed = (server, NOWHERE)
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(launcher.folder / "{alias}.sqlite3")}
    config = ProbeConfig(
        str(launcher.folder), url, url, url, NOWHERE, allowed, {"*": database}, keeps_environment=True
    )
    config.write(launcher.folder / "probe.json")
    refused = launcher.folder / "refused"
    named = ",".join(f"{host}:{port},[::1]:{port}" for host, port in allowed)
    guard = {"CELERY_HARNESS_ALLOW": named, "CELERY_HARNESS_REFUSED": str(refused), **library.guard()}
    process = launcher.popen(
        "inspection",
        [sys.executable, "-m", "harness.probe", "client", app],
        environment={
            VARIABLE: str(launcher.folder / "probe.json"),
            "CELERY_HARNESS_ROLE": "client",
            "PYTHONPATH": python_path(),
            **guard,
        },
        workdir=workdir,
        pipes=True,
    )
    try:
        output, _ = process.communicate(b'{"do": "load"}\n{"do": "snapshot"}\n', timeout=WITHIN_S)
    except subprocess.TimeoutExpired:
        raise AppError(f"{app}: the import did not end within {WITHIN_S:g} s.") from None
    refuse_strangers(config.events, refused)
    answers = [json.loads(line) for line in output.splitlines()]
    for answer in answers:
        if "error" in answer:
            raise app_error(app, answer)
    if len(answers) < 2:
        raise AppError(f"{app}: the process that imports it ended.", remedy=launcher.log("inspection", 3))
    loaded, shown = answers
    if not loaded["tasks"]:
        raise AppError(
            f"{app}: the app has no tasks.",
            remedy="Import their modules where Celery does: include=[...], or app.autodiscover_tasks([...]).",
        )
    return Inspection(tuple(loaded["tasks"]), shown["snapshot"], loaded["versions"])


def refuse_strangers(events: Path, refused: Path) -> None:
    """`InterlockError` where the app tried to reach anything when it was imported.

    `events` is the probe's record; `refused` has what the preloaded library refused below Python.
    """
    for line in events.read_text(encoding="utf-8").splitlines() if events.exists() else ():
        event = json.loads(line)
        if event["kind"] == "interlock-refused":
            raise refusal(event.get("data", {}))
    if refused.exists():
        _, _, address = refused.read_text(encoding="utf-8").partition("\n")[0].partition(" ")
        raise refusal({"address": address, "blame": "a C library connects to it when the app is imported"})


def refusal(data: dict[str, Any]) -> InterlockError:
    """What to say of an address that the app would have reached."""
    blame = data.get("blame") or data.get("line") or "a setting that could not be found"
    return InterlockError(
        f"The app would reach {data.get('address')}, which the stage did not start: {blame}.",
        remedy="Take the address from a setting that the harness replaces (docs/interlock.md), or give the "
        'task a sample with body = "stub".',
    )


def app_error(app: str, answer: dict[str, Any]) -> AppError:
    """One line for what an app raised when it was loaded, with the place in its own code."""
    trace = str(answer.get("traceback", ""))
    places = [line.strip() for line in trace.splitlines() if line.lstrip().startswith("File ")]
    own = [place for place in places if "site-packages" not in place and "/lib/python" not in place]
    outside = [place for place in own if "harness/probe" not in place and "frozen importlib" not in place]
    where = f" at {outside[-1].removeprefix('File ')}" if outside else ""
    error = str(answer["error"]).strip().splitlines()[0]
    return AppError(
        f"{app}: the app cannot be loaded: {error}{where}.",
        remedy="Check -A and --workdir; they mean what they mean for Celery's own command.",
    )
