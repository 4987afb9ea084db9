"""All threads of the stage's process trees, read from /proc, and whether they all sleep.

Membership: a process is the stage's if its session is a root's (each root is started with
``start_new_session=True``), or if its parent is the stage's. A process that leaves the session and loses
its parents between two looks is not seen (a daemon that forks twice, such as ``epmd -daemon``).
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from harness.warp.clock import SharedClock, Slot

_QUIET = -1
_OUT_OF_DATE = -2
_STOPPED = (ord("T"), ord("t"))


class _Watched(ctypes.Structure):
    _fields_ = (
        ("stat_fd", ctypes.c_int32),
        ("schedstat_fd", ctypes.c_int32),
        ("wchan_fd", ctypes.c_int32),
        ("state", ctypes.c_int32),
        ("turns", ctypes.c_uint64),
        ("asleep_turns", ctypes.c_uint64),
        ("since_ns", ctypes.c_int64),
        ("readable", ctypes.c_int32),
        ("padding", ctypes.c_int32),
    )


@dataclass(slots=True)
class _Thread:
    """`watched` is what ``steer.c`` knows of it, and keeps through new lists."""

    pid: int
    watched: _Watched

    @classmethod
    def open(cls, pid: int, tid: int) -> Self | None:
        base = f"/proc/{pid}/task/{tid}"
        thread = cls(pid, _Watched(*(_open(f"{base}/{name}") for name in ("stat", "schedstat", "wchan"))))
        if thread.watched.stat_fd >= 0:
            return thread
        thread.close()
        return None

    def is_readable(self) -> bool:
        """False once the thread is gone, also when its number has been given away again."""
        try:
            return bool(os.pread(self.watched.stat_fd, 1, 0))
        except OSError:
            return False

    def close(self) -> None:
        for fd in (self.watched.stat_fd, self.watched.schedstat_fd, self.watched.wchan_fd):
            if fd >= 0:
                os.close(fd)


def _parent_and_session(pid: int) -> tuple[int, int] | None:
    """From ``/proc/<pid>/stat``; None for a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return int(fields[1]), int(fields[3])
    except (OSError, IndexError, ValueError):
        return None


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


@dataclass(slots=True)
class Census:
    """The threads under the roots, and those of this process except the caller's."""

    clock: SharedClock
    roots: Callable[[], Iterable[int]]
    slots: list[Slot] = field(default_factory=list)
    """Who waited for a time when `wait_quiet` last gave None."""
    _waiting: ctypes.c_int32 = field(default_factory=ctypes.c_int32)
    _threads: dict[int, _Thread] = field(default_factory=dict)
    _members: set[int] = field(default_factory=set)
    _strangers: set[int] = field(default_factory=set)
    _known_roots: frozenset[int] = frozenset()
    _order: list[int] = field(default_factory=list)
    _places: dict[int, int] = field(default_factory=dict)
    _watched: ctypes.Array[_Watched] = field(default_factory=_Watched * 0)
    _loadavg_fd: int = -1
    _newest: int = -2
    _out_of_date: bool = True
    _complete: bool = False

    def wait_quiet(self, patience_s: float) -> int | None:
        """Wait until every thread sleeps; None when all do, else the id of one that does not.

        `patience_s` is real time. The proof that equal looks mean quiet is in ``steer.c``. It needs the whole
        set of threads, and the kernel gives out a process id well before the process shows in /proc: who was
        being forked while we listed is missing, and no newer id gives it away. So a list counts only if it
        was made while everybody on it slept, without a turn from before the listing to after it.
        """
        if self._out_of_date or frozenset(self.roots()) != self._known_roots:
            self.refresh()
        busy = self._look(patience_s)
        if busy is None and not self._complete:
            before = self._turns()
            self.refresh()
            busy = self._look(0)
            self._complete = busy is None and self._turns() == before
            if busy is None and not self._complete:
                return os.getpid()
        return busy

    def _look(self, patience_s: float) -> int | None:
        busy: int = self.clock.steer.harness_wait_quiet(
            ctypes.addressof(self._watched),
            len(self._order),
            self._loadavg_fd,
            self._newest,
            int(patience_s * 1e9),
            self.clock.page,
            self.clock.waiting,
            ctypes.addressof(self._waiting),
        )
        if busy == _OUT_OF_DATE:
            self._out_of_date = True
            return os.getpid()
        if busy != _QUIET:
            return self._order[busy]
        self.slots = [slot for slot in self.clock.decode(self._waiting.value) if slot.tid in self]
        return None

    def still_quiet(self) -> bool:
        """Whether nobody had a turn since `wait_quiet` gave None, so that `slots` still holds."""
        return bool(
            self.clock.steer.harness_still_quiet(
                ctypes.addressof(self._watched), len(self._order), self._loadavg_fd, self._newest
            )
        )

    def _turns(self) -> list[tuple[int, int]]:
        return [(tid, thread.turns) for tid, thread in zip(self._order, self._watched, strict=True)]

    def is_stopped(self, tid: int) -> bool:
        """Whether the last look found the thread (or, for minus a pid, the process) stopped by a signal."""
        place = self._places.get(abs(tid))
        return place is not None and self._watched[place].state in _STOPPED

    def __contains__(self, tid: int) -> bool:
        return abs(tid) in self._threads

    def refresh(self) -> None:
        """Look again at who belongs to the stage, and give back what the dead have left."""
        if self._loadavg_fd < 0:
            self._loadavg_fd = os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)
        # Before the look: who is born while we look makes the answer out of date again.
        self._newest = self.clock.steer.harness_newest_pid(self._loadavg_fd)
        self._known_roots = frozenset(self.roots())
        self._find_members()
        self._find_threads()
        self._out_of_date, self._complete = False, False
        for slot in self.clock.slots():
            if slot.tid not in self and not Path(f"/proc/{slot.pid}/task/{abs(slot.tid)}").exists():
                self.clock.release(slot)

    def _find_members(self) -> None:
        present = {int(place.name) for place in Path("/proc").iterdir() if place.name.isdigit()}
        self._members &= present
        self._strangers &= present
        unknown = present - self._members - self._strangers
        unknown |= self._known_roots & self._strangers
        origins = {pid: origin for pid in unknown if (origin := _parent_and_session(pid))}
        self._members |= self._known_roots & present
        # A grandchild may have a lower number than its parent, so until nothing changes.
        found = True
        while found:
            found = False
            for pid, (parent, session) in list(origins.items()):
                if session in self._known_roots or parent in self._members or pid in self._members:
                    self._members.add(pid)
                    del origins[pid]
                    found = True
        self._strangers |= set(origins)

    def _find_threads(self) -> None:
        alive: dict[int, int] = {}
        own = os.getpid()
        for pid in {*self._members, own}:
            try:
                alive.update({int(place.name): pid for place in Path(f"/proc/{pid}/task").iterdir()})
            except OSError:
                self._members.discard(pid)
        alive.pop(threading.get_native_id(), None)
        for tid, watched in zip(self._order, self._watched, strict=True):
            self._threads[tid].watched = _Watched.from_buffer_copy(watched)
        for tid in self._threads.keys() - alive.keys():
            self._threads.pop(tid).close()
        for tid, pid in alive.items():
            known = self._threads.get(tid)
            if known is not None:
                if known.pid == pid and known.is_readable():
                    continue
                known.close()
                del self._threads[tid]
            if thread := _Thread.open(pid, tid):
                self._threads[tid] = thread
        self._order = sorted(self._threads)
        self._places = {tid: place for place, tid in enumerate(self._order)}
        self._watched = (_Watched * len(self._order))(*(self._threads[tid].watched for tid in self._order))

    def describe(self, tid: int) -> str:
        """Who a thread is, for a message: command, process id, state."""
        thread = self._threads.get(tid)
        if thread is None:
            return f"a process that has just begun or ended ({tid})"
        try:
            text = os.pread(thread.watched.stat_fd, 200, 0).decode(errors="replace")
            command = Path(f"/proc/{thread.pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            return f"process {thread.pid}, gone"
        state = text.rpartition(")")[2][:3].strip()
        return f"process {thread.pid} ({command.strip()[:120]}), thread {tid}, state {state}"

    def close(self) -> None:
        """Give the file descriptors back."""
        for thread in self._threads.values():
            thread.close()
        self._threads.clear()
        if self._loadavg_fd >= 0:
            os.close(self._loadavg_fd)
            self._loadavg_fd = -1
        self._order, self._watched, self._out_of_date = [], (_Watched * 0)(), True
