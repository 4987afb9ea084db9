"""The page that all processes of a stage share: one virtual clock, and who waits until when.

Its layout is known to ``simtime.h`` only; whatever is read or written is so there, through ctypes.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Self

from harness.errors import StageError
from harness.warp import library

_SLOT_COUNT = 8192
_WAITING = struct.Struct("<iiiiiiq")
_SECOND_NS = 1_000_000_000
_KEEP_RATE = -1.0


class Kind(IntEnum):
    """What a thread waits in: `LOOP` is poll, select or epoll with descriptors; `SLEEP` any other timed
    wait; `TIMER` is a process's earliest kernel timer (alarm, setitimer, timerfd).
    """

    NONE = 0
    LOOP = 1
    SLEEP = 2
    TIMER = 3


@dataclass(frozen=True, slots=True)
class Slot:
    """One registered wait. `tid` is minus the pid for a process's kernel timers."""

    index: int
    tid: int
    pid: int
    kind: Kind
    passive: bool
    deadline_ns: int

    @property
    def deadline_s(self) -> float:
        return self.deadline_ns / _SECOND_NS


def load_library() -> ctypes.CDLL:
    """The controller's half of the library. Raises `StageError` where there is no library."""
    path = library.find()
    if path is None:
        raise StageError("There is no warped time on this machine.", remedy=library.why_missing())
    steer = ctypes.CDLL(str(path))
    page, i64, i32 = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
    for name, result, arguments in (
        ("harness_page_bytes", i64, ()),
        ("harness_page_start", None, (page, i64)),
        ("harness_page_mono_ns", i64, (page,)),
        ("harness_page_wall_ns", i64, (page,)),
        ("harness_page_move", i64, (page, i64, i64, ctypes.c_double)),
        ("harness_page_late_ns", i64, (page,)),
        ("harness_page_late_reset", None, (page,)),
        ("harness_page_late_note", None, (page, i64)),
        ("harness_page_release", None, (page, i32, i32)),
        ("harness_wake", ctypes.c_int, (i32, i32)),
        ("harness_newest_pid", i64, (ctypes.c_int,)),
        ("harness_page_waiting", i32, (page, page)),
        ("harness_wait_quiet", i32, (page, i32, i32, i64, i64, page, page, page)),
        ("harness_still_quiet", i32, (page, i32, i32, i64)),
    ):
        function = getattr(steer, name)
        function.restype, function.argtypes = result, arguments
    return steer


class SharedClock:
    """Virtual time: ``base + (real - real0) * rate``, moved by one controller, read by all.

    It begins at the machine's own monotonic and wall time, at rate 1. Use it from one thread.
    """

    def __init__(self, path: Path, memory: mmap.mmap, steer: ctypes.CDLL) -> None:
        self.path = path
        self.steer = steer
        self._memory = memory
        self._anchor: Any = ctypes.c_char.from_buffer(memory)
        self.page = ctypes.addressof(self._anchor)
        buffer = ctypes.create_string_buffer(_SLOT_COUNT * _WAITING.size)
        self._room = memoryview(buffer)
        self.waiting = ctypes.addressof(buffer)

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Self:
        """A new clock in a new file, best on a tmpfs: on a disk its write-back can stall the stage.

        Raises `StageError` where there is no library, `FileExistsError` where there is such a file.
        """
        steer = load_library()
        place = Path(path).absolute()
        size = steer.harness_page_bytes()
        with place.open("x+b") as file:
            file.truncate(size)
            memory = mmap.mmap(file.fileno(), size)
        clock = cls(place, memory, steer)
        steer.harness_page_start(clock.page, 0)
        return clock

    def close(self) -> None:
        """Unmap the page and remove the file; processes that have it keep their mapping."""
        del self._anchor
        self._memory.close()
        self.path.unlink(missing_ok=True)

    def now_ns(self) -> int:
        """Virtual monotonic nanoseconds, the unit of `Slot.deadline_ns`."""
        return int(self.steer.harness_page_mono_ns(self.page))

    def now_s(self) -> float:
        """Virtual monotonic seconds: what ``time.monotonic()`` says in the stage's processes."""
        return self.now_ns() / _SECOND_NS

    def wall_s(self) -> float:
        """Virtual Unix time: what ``time.time()`` says in the stage's processes."""
        return int(self.steer.harness_page_wall_ns(self.page)) / _SECOND_NS

    def jump(self, ns: int, *, rearm_timers: bool = True) -> None:
        """Move both clocks on by `ns` at once and wake whoever is due.

        `rearm_timers` also signals every process with kernel timers, due or not; it can end a ``pause()``.
        """
        self.steer.harness_page_move(self.page, ns, 0, _KEEP_RATE)
        now_ns = self.now_ns()
        self._wake(
            s for s in self.slots() if s.deadline_ns <= now_ns or (rearm_timers and s.kind is Kind.TIMER)
        )

    def step_wall(self, seconds: float) -> None:
        """Move the wall clock only, as an administrator or NTP does. Sleeps run on monotonic time, and a
        wait until a wall-clock time that has begun keeps its end.
        """
        self.steer.harness_page_move(self.page, 0, round(seconds * _SECOND_NS), _KEEP_RATE)

    def set_rate(self, rate: float) -> None:
        """Virtual seconds in one real second from now on; 0 stops the clock between jumps."""
        if rate < 0:
            raise ValueError(f"a clock's rate is not negative, but {rate}")
        self.steer.harness_page_move(self.page, 0, 0, rate)
        self._wake(self.slots())

    def slots(self) -> list[Slot]:
        """Everybody who waits for a time now, the dead included (`release` them)."""
        return self.decode(self.steer.harness_page_waiting(self.page, self.waiting))

    def decode(self, count: int) -> list[Slot]:
        """The first entries of `waiting`, which the library has filled."""
        return [
            Slot(index, tid, pid, Kind(kind), bool(passive), deadline_ns)
            for index, tid, pid, kind, passive, _, deadline_ns in _WAITING.iter_unpack(
                self._room[: count * _WAITING.size]
            )
        ]

    def wake(self, slot: Slot) -> bool:
        """Signal one waiting thread; False when it is gone."""
        return int(self.steer.harness_wake(slot.pid, slot.tid)) == 0

    def _wake(self, slots: Iterable[Slot]) -> None:
        for slot in slots:
            if not self.wake(slot):
                self.release(slot)

    def release(self, slot: Slot) -> None:
        """Free the slot of a thread that is gone."""
        self.steer.harness_page_release(self.page, slot.index, slot.tid)

    def environment(self, *, passive: bool = False, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """What puts a process and its descendants on this clock; `base` is the environment to be extended.

        A `passive` process (a server) is on the clock, but its own timers never pull it.
        """
        return {
            "LD_PRELOAD": library.preload(os.environ if base is None else base),
            "CELERY_HARNESS_CLOCK": str(self.path),
            "CELERY_HARNESS_CLOCK_PASSIVE": "1" if passive else "0",
        }

    def lateness_s(self) -> float:
        """How late, in virtual seconds, a non-passive thread went on after its deadline, at worst since the
        last reset. What a jump overtook on purpose does not count, starvation does.
        """
        return int(self.steer.harness_page_late_ns(self.page)) / _SECOND_NS

    def note_lateness(self, ns: int) -> None:
        """Keep a lateness that somebody else has seen, if it is the worst."""
        self.steer.harness_page_late_note(self.page, ns)

    def reset_lateness(self) -> None:
        """Forget the worst lateness, as after a fault that stops processes on purpose."""
        self.steer.harness_page_late_reset(self.page)
