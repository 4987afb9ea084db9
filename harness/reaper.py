"""Ends whatever a stage has started, also when the harness itself is killed.

The reaper is a process of its own that holds the read end of a pipe; only the harness holds the write
end (close-on-exec: nothing that it starts inherits it, and a child between fork and exec keeps the pipe
open until it carries the run's token). Lines on the pipe name the sessions that were started. When the
pipe ends, whatever the reason, every process of these sessions and every descendant of one is killed,
and so is every process that carries the token in its environment or writes its errors into the run's
folder; then the folder is removed. This file needs the standard library alone: the reaper runs it.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

PREFIX = "celery-harness-"
TOKEN = "CELERY_HARNESS_SESSION"  # noqa: S105 - the name of a variable
OWNER = "owner.json"
SESSIONS = "sessions"
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of the run's own is made in it
ROOM = 256 * 2**20
"""Bytes that must be free in memory for a run to live there."""
END_WITHIN_S = 10.0
"""How long the end of everything may take before it is given up."""
QUIET_S = 0.25
"""How long nothing may carry the token: in the middle of an exec a process has no environment to read."""
BEGINNING = {"logs", "orders", "files", "tmp", "clock", f"{OWNER}.partial"}
"""What may be in a run's folder before it has an owner; folders with other things are not ours to remove."""
UNOWNED_AFTER_S = 600.0
"""The age from which a folder without an owner is one whose harness was killed before it wrote one."""


def home() -> Path:
    """Where runs keep their files: in memory where there is room.

    A disk's write-back stalls the processes that share the clock's page and the databases' files.
    """
    with suppress(OSError):
        if shutil.disk_usage(MEMORY).free >= ROOM and os.access(MEMORY, os.W_OK):
            return MEMORY
    return Path(tempfile.gettempdir())


class Reaper:
    """The harness's end of the pipe."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self._pipe = -1

    def start(self, token: str, folder: Path) -> None:
        """Start the reaper for one run; `folder` is removed when the run is over."""
        self._folder = folder
        partial = folder / f"{OWNER}.partial"
        partial.write_text(json.dumps({"token": token, **_owner()}), encoding="ascii")
        partial.replace(folder / OWNER)
        read, self._pipe = os.pipe()
        environment = {k: v for k, v in os.environ.items() if k not in ("LD_PRELOAD", TOKEN)}
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__, token, str(folder)],
            stdin=read, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, cwd="/",
            start_new_session=True,
        )  # fmt: skip
        os.close(read)
        os.register_at_fork(after_in_child=self._let_go)

    def watch(self, pid: int) -> None:
        """End the session of this leader when the run is over."""
        self._say(f"watch {pid} {start_time(pid) or 0}")

    def forget(self, pid: int) -> None:
        """This session has ended; its number may be used by somebody else from now on."""
        self._say(f"forget {pid}")

    def close(self) -> None:
        """The run is over: the reaper ends what is left, removes the folder, and ends itself."""
        self._say("over")
        self._let_go()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=END_WITHIN_S * 3)
            self._process.kill()
            self._process.wait()
            self._process = None

    def _let_go(self) -> None:
        """Close the pipe; also in children of the harness that fork and do not exec."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _say(self, line: str) -> None:
        """To the reaper, and to the file from which `sweep_stale` learns it if the reaper is killed too."""
        if self._pipe < 0:
            return
        data = line.encode("ascii") + b"\n"
        with suppress(OSError), (self._folder / SESSIONS).open("ab") as file:
            file.write(data)
        with suppress(BrokenPipeError):
            os.write(self._pipe, data)


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks after boot; None where there is none (``proc(5)``, field 22)."""
    fields = _stat(pid)
    return int(fields[19]) if fields else None


def members(session: int) -> Iterator[int]:
    """The processes of a session that are not zombies."""
    return (pid for pid, (_, own) in _processes().items() if own == session)


def end_session(session: int, *, within_s: float = 5.0) -> bool:
    """SIGKILL every process of a session, and their descendants in sessions of their own, until none is left.

    False when the time ran out. Works on stopped processes as well: SIGKILL needs no SIGCONT (``signal(7)``).
    """
    return _end(_family({session}), within_s)


def sweep_stale() -> list[Path]:
    """End what earlier runs left behind whose harness and reaper were both killed; returns their folders."""
    swept = []
    places = {MEMORY, Path(tempfile.gettempdir())}
    for folder in sorted(folder for place in places for folder in place.glob(PREFIX + "*")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            if folder.stat().st_uid == os.getuid() and _stale(folder):
                shutil.rmtree(folder, ignore_errors=True)
                swept.append(folder)
    return swept


def _stale(folder: Path) -> bool:
    """Whether a folder's owner is gone; what it started is ended if so."""
    if not (folder / OWNER).exists():
        return set(os.listdir(folder)) <= BEGINNING and time.time() - folder.stat().st_mtime > UNOWNED_AFTER_S
    owner, here = json.loads((folder / OWNER).read_text(encoding="ascii")), _owner()
    if (owner["boot"], owner["pids"]) != (here["boot"], here["pids"]):
        return bool(owner["boot"] != here["boot"])  # another container's processes cannot be seen from here
    fields = _stat(owner["pid"])
    if fields and fields[0] not in "ZX" and int(fields[19]) == owner["start_time"]:
        return False
    said = (folder / SESSIONS).read_text(encoding="ascii") if (folder / SESSIONS).exists() else ""
    _end_all(owner["token"], folder, said.splitlines(), quiet_s=0.0)
    _release_segments(folder)
    return True


def _owner() -> dict[str, object]:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    pid = os.getpid()
    return {"boot": boot, "pids": os.readlink("/proc/self/ns/pid"), "pid": pid, "start_time": start_time(pid)}


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/PID/stat`` after the name: state, parent, group, session, ..."""
    with suppress(OSError):
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return text.rpartition(")")[2].split()
    return []


def _processes() -> dict[int, tuple[int, int]]:
    """Parent and session of every process that is not a zombie."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := _stat(int(name))) and fields[0] not in "ZX":
            found[int(name)] = (int(fields[1]), int(fields[3]))
    return found


def _family(sessions: set[int], seeds: Callable[[], set[int]] = set) -> Callable[[], set[int]]:
    """Finds these sessions' processes and the seeds, and from then on all that their descendants opened."""

    def find() -> set[int]:
        # The seeds before the list of processes, so that the list has every child that a seed has left.
        found = seeds()
        processes, size = _processes(), -1
        sessions.update(found & {session for _, session in processes.values()})
        while len(found) > size:
            size = len(found)
            for pid, (parent, session) in processes.items():
                if session in sessions or parent in found:
                    found.add(pid)
                    sessions.add(session)
        return found

    return find


def _marked(token: str, folder: Path) -> Callable[[], set[int]]:
    """Finds this user's processes with the run's token, and all that write errors into its logs.

    Servers that set their own title overwrite their environment (valkey ``src/setproctitle.c``).
    """
    mark, logs = f"{TOKEN}={token}".encode(), os.path.realpath(folder / "logs") + "/"

    def marked(pid: int) -> bool:
        with suppress(OSError):
            if os.readlink(f"/proc/{pid}/fd/2").startswith(logs):
                return True
        with suppress(OSError):
            path = Path(f"/proc/{pid}/environ")
            return path.stat().st_uid == os.getuid() and mark in path.read_bytes().split(b"\0")
        return False

    return lambda: {pid for pid in _processes() if marked(pid)}


def _end(find: Callable[[], Iterable[int]], within_s: float, *, quiet_s: float = 0.0) -> bool:
    """SIGKILL what is found until nothing was found for `quiet_s` seconds; False when the time ran out."""
    deadline = time.monotonic() + within_s
    seen_at = time.monotonic()
    while True:
        pids = set(find()) - {os.getpid()}
        for pid in pids:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        now = time.monotonic()
        seen_at = now if pids else seen_at
        if not pids and now - seen_at >= quiet_s:
            return True
        if now > deadline:
            return False
        time.sleep(0.005)  # a dying process can only be polled; bounded above


def _end_all(token: str, folder: Path, lines: Iterable[str], *, quiet_s: float) -> None:
    """Follow what the harness said to its end, then end the sessions that are left, and the marked ones."""
    sessions: dict[int, int] = {}
    for line in lines:
        word, *numbers = line.split()
        if word == "watch":
            sessions[int(numbers[0])] = int(numbers[1])
        elif word == "forget":
            sessions.pop(int(numbers[0]), None)
        elif word == "over":
            quiet_s = 0.0
    # While a session has a member, its number is given to nobody else: a leader that is gone is no stranger.
    own = {session for session, started in sessions.items() if start_time(session) in (None, started)}
    _end(_family(own), END_WITHIN_S)
    # A leader that was started and not yet said is known by its token alone; its children need not have it.
    _end(_family(own, _marked(token, folder)), END_WITHIN_S, quiet_s=quiet_s)


def _release_segments(folder: Path) -> None:
    """Remove the System V segment of a PostgreSQL that was killed: line 7 of its ``postmaster.pid``.

    Source: ``src/include/utils/pidfile.h``, LOCK_FILE_LINE_SHMEM_KEY: key and id.
    """
    for path in folder.glob("*/**/postmaster.pid"):
        with suppress(OSError, ValueError, IndexError):
            segment = int(path.read_text(encoding="utf-8").splitlines()[6].split()[1])
            ctypes.CDLL(None).shmctl(segment, 0, None)  # 0 is IPC_RMID


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _end_all(sys.argv[1], Path(sys.argv[2]), sys.stdin, quiet_s=QUIET_S)
    _release_segments(Path(sys.argv[2]))
    shutil.rmtree(sys.argv[2], ignore_errors=True)
