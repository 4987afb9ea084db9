"""Ends whatever a stage has started, also when the harness itself is killed.

The reaper is a process of its own that holds the read end of a pipe; only the harness holds the write
end. Lines on the pipe name the sessions that were started. When the pipe ends, whatever the reason,
every process of these sessions is killed, and so is every process of this user that carries the run's
token in its environment; then the run's folder is removed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

PREFIX = "celery-harness-"
TOKEN = "CELERY_HARNESS_SESSION"
OWNER = "owner.json"
SWEEP_WITHIN_S = 10.0


class Reaper:
    """The harness's end of the pipe."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe = -1

    def start(self, token: str, folder: Path) -> None:
        """Start the reaper for one run; `folder` is removed when the run is over."""
        (folder / OWNER).write_text(json.dumps({"token": token, **_owner()}), encoding="ascii")
        read, write = os.pipe()
        environment = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", TOKEN)}
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__, token, str(folder)],
            stdin=read, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, cwd="/",
            start_new_session=True,
        )  # fmt: skip
        os.close(read)
        self._pipe = write

    def watch(self, pid: int) -> None:
        """End the session of this leader when the run is over."""
        self._say(f"watch {pid} {start_time(pid) or 0}")

    def forget(self, pid: int) -> None:
        """This session has ended; its number may be used by somebody else from now on."""
        self._say(f"forget {pid}")

    def close(self) -> None:
        """The run is over: the reaper does its work and ends."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self._process is not None:
            self._process.wait(timeout=SWEEP_WITHIN_S + 5)
            self._process = None

    def _say(self, line: str) -> None:
        with suppress(BrokenPipeError):
            os.write(self._pipe, line.encode("ascii") + b"\n")


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks after boot; None where there is none (``proc(5)``, field 22)."""
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def members(session: int) -> Iterator[int]:
    """The processes of a session that are not zombies."""
    for pid in _processes():
        fields = _stat(pid)
        if fields and int(fields[3]) == session and fields[0] not in "ZX":
            yield pid


def end_session(session: int, *, within_s: float = 5.0) -> bool:
    """SIGKILL every process of a session until none is left; False when the time ran out."""
    return _end(lambda: members(session), within_s)


def sweep_stale() -> list[Path]:
    """End what earlier runs left behind whose harness and reaper were both killed; their folders."""
    swept = []
    for folder in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        with suppress(OSError, ValueError, KeyError):
            if folder.stat().st_uid != os.getuid():
                continue
            owner = json.loads((folder / OWNER).read_text(encoding="ascii"))
            if owner["boot"] == _boot() and start_time(owner["pid"]) == owner["start_time"]:
                continue
            if owner["boot"] == _boot():
                _end(lambda token=owner["token"]: _marked(token), SWEEP_WITHIN_S)
            shutil.rmtree(folder, ignore_errors=True)
            swept.append(folder)
    return swept


def _owner() -> dict[str, object]:
    return {"boot": _boot(), "pid": os.getpid(), "start_time": start_time(os.getpid())}


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _processes() -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            yield int(name)


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` after the name: state, parent, group, session, ..."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()
    return []


def _marked(token: str) -> Iterator[int]:
    """Processes of this user whose environment carries the token of a run."""
    mark = f"{TOKEN}={token}".encode()
    for pid in _processes():
        with suppress(OSError):
            path = Path(f"/proc/{pid}/environ")
            if path.stat().st_uid == os.getuid() and mark in path.read_bytes().split(b"\0"):
                yield pid


def _end(find: object, within_s: float) -> bool:
    assert callable(find)
    deadline = time.monotonic() + within_s
    while pids := [pid for pid in find() if pid != os.getpid()]:
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)  # a dying process can only be polled; bounded above
    return True


def _serve(token: str, folder: Path, lines: Iterable[str]) -> None:
    """The reaper's own life: listen until the pipe ends, then end everything."""
    sessions: dict[int, int] = {}
    for line in lines:
        word, *numbers = line.split()
        if word == "watch":
            sessions[int(numbers[0])] = int(numbers[1])
        elif word == "forget":
            sessions.pop(int(numbers[0]), None)
    for session, started in sessions.items():
        if start_time(session) in (None, started):
            end_session(session, within_s=SWEEP_WITHIN_S)
    _end(lambda: _marked(token), SWEEP_WITHIN_S)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _serve(sys.argv[1], Path(sys.argv[2]), sys.stdin)
