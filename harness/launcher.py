"""Starts a stage's processes: on its clock, in its folder, in sessions of their own, under the reaper."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

import harness
from harness.errors import StageError
from harness.reaper import PREFIX, TOKEN, Reaper, end_session, home, start_time, sweep_stale

LINE_BYTES = 500
"""How long a line of a log may be on average; what is more is cut at the beginning."""

UNWANTED = (
    "CELERY_BROKER_READ_URL",
    "CELERY_BROKER_WRITE_URL",
    "PYTEST_CURRENT_TEST",
    "COVERAGE_PROCESS_START",
)


class Started(Protocol):
    """A process that was started: what `subprocess.Popen` has."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    returncode: int | Any

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...


class ProcessLauncher:
    """Everything that one run starts; `close` ends it all and removes the folder."""

    def __init__(self, clock_environment: Mapping[str, Mapping[str, str]], folder: Path, token: str) -> None:
        self.folder = folder
        self.token = token
        self.clock_environment = dict(clock_environment)
        self.environment: dict[str, str] = {}
        self.processes: dict[int, Started] = {}
        self.over = False
        """Whether the run is over: what ends from now on does not come back."""
        self._ports: set[int] = set()
        self.reaper = Reaper()
        self.reaper.start(token, folder)

    @staticmethod
    def new_folder() -> tuple[Path, str]:
        """A folder for one run, and the token that marks its processes; stale ones are swept first."""
        sweep_stale()
        token = secrets.token_hex(8)
        try:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=home()))
            for name in ("logs", "orders", "files", "tmp"):
                (folder / name).mkdir()
        except OSError as error:
            raise StageError(
                f"No folder for the run: {error}.", remedy="Make room, or name another place: TMPDIR=DIR"
            ) from error
        return folder, token

    def launch(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        passive: bool = True,
    ) -> int:
        """Start a process in a session of its own; returns its pid."""
        return self.popen(name, command, environment=environment, passive=passive).pid

    def popen(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        passive: bool = True,
        workdir: Path | None = None,
        pipes: bool = False,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start a process; output goes to ``logs/NAME.log``, or to pipes for input and output."""
        variables = self.variables(environment or {}, passive=passive)
        with (self.folder / "logs" / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE if pipes else stdin,
                stdout=subprocess.PIPE if pipes else log,
                stderr=log,
                env=variables,
                cwd=workdir or self.folder,
                start_new_session=True,
            )
        self.keep(process)
        return process

    def keep(self, process: Started) -> None:
        """From now on, end this leader's session with the others."""
        self.processes[process.pid] = process
        self.reaper.watch(process.pid)

    def variables(self, environment: Mapping[str, str], *, passive: bool) -> dict[str, str]:
        """The whole environment of a process."""
        kept = {k: v for k, v in os.environ.items() if k not in UNWANTED}
        return kept | self.own_environment(environment, passive=passive)

    def together(self, *starts: Callable[[], None]) -> None:
        """Call all of these, which start something; containers are started at once, processes in order."""
        for start in starts:
            start()

    def own_environment(self, given: Mapping[str, str], *, passive: bool) -> dict[str, str]:
        """What the stage adds to the environment of a process: its clock, its servers, its token."""
        clock = self.clock_environment["passive" if passive else "active"]
        own = {"TMPDIR": str(self.folder / "tmp"), TOKEN: self.token}  # what is left in it goes with the run
        return own | self.environment | dict(clock) | dict(given)

    def roots(self) -> list[int]:
        """The session leaders that were started and not ended."""
        return list(self.processes)

    def ended(self, pid: int) -> bool:
        """Whether a process that was launched has ended (and reap it)."""
        process = self.processes.get(pid)
        return process is None or process.poll() is not None

    def exit_status(self, pid: int) -> int | None:
        """With which status a process has ended, negative for a signal; None while it runs."""
        process = self.processes.get(pid)
        return None if process is None else process.poll()

    def end(self, pid: int, *, within_s: float = 30.0) -> None:
        """SIGKILL a process and its session; returns when they are gone."""
        process = self.processes.pop(pid, None)
        if process is None:
            return
        # Once it was reaped its number may be another's; not while a process of its session is left.
        if process.returncode is None or start_time(pid) is None:
            end_session(pid, within_s=within_s)
        process.wait(timeout=within_s)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self.reaper.forget(pid)

    def free_port(self) -> int:
        """A loopback port below the kernel's ephemeral range, which no outgoing connection can take."""
        floor = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
        for _ in range(200):
            port = secrets.choice(range(min(15_000, floor - 1_000), floor))
            with socket.socket() as probe, suppress(OSError):
                probe.bind(("127.0.0.1", port))
                if port not in self._ports:
                    self._ports.add(port)
                    return port
        raise StageError("No loopback port is free.", remedy="End what listens on so many ports.")

    def host(self, name: str) -> str:  # noqa: ARG002 - in a container each name has an address of its own
        """The loopback, whatever the name."""
        return "127.0.0.1"

    @property
    def separate(self) -> bool:
        """All processes share this machine's network and process ids."""
        return False

    def run(
        self,
        pid: int,  # noqa: ARG002 - in a container it matters where
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        within_s: float,
    ) -> str:
        """Run a command to its end; what it printed. `StageError` if it fails."""
        variables = {**os.environ, **environment}
        name = f"{Path(command[0]).name} {command[-1]}"
        try:
            done = subprocess.run(
                list(command), env=variables, capture_output=True, text=True, timeout=within_s, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StageError(f"{name}: {error}.") from error
        if done.returncode:
            raise StageError(f"{name}: {(done.stderr or done.stdout).strip()[:300]}")
        return done.stdout

    def log(self, name: str, lines: int = 15) -> str:
        """The last lines of a process's log, of its last `LINE_BYTES` for each line."""
        with suppress(OSError), (self.folder / "logs" / f"{name}.log").open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - lines * LINE_BYTES))
            text = file.read().decode("utf-8", errors="replace")
            return "\n".join(text.splitlines()[-lines:])
        return ""

    def close(self) -> None:
        """End everything that was started, then the reaper, then the folder."""
        for pid in reversed(self.roots()):
            self.end(pid)
        self.reaper.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def python_path(extra: Iterable[str] = ()) -> str:
    """``PYTHONPATH`` with which the probe can be imported in another process, whatever its folder."""
    home = str(Path(harness.__file__).resolve().parent.parent)
    installed = any(Path(entry).resolve() == Path(home) for entry in sys.path if "site-packages" in entry)
    parts = [*extra, os.environ.get("PYTHONPATH", ""), "" if installed else home]
    return os.pathsep.join(part for part in parts if part)


def wait_until(condition: Callable[[], bool], within_s: float) -> bool:
    """Poll every 5 ms of real time; False when the time ran out."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)  # a process's state can only be polled; bounded above
    return True
