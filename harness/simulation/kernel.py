"""A deterministic scheduler of simulated processes: one heap of events, greenlets on it, virtual time.

Nothing runs at once: a greenlet runs until it waits (for a moment, a message, another process), and what
happens at the same moment happens in the order in which it was asked for, or as the seed has it (`shuffled`).
A killed process is a greenlet that is never resumed: no ``finally`` runs, as after SIGKILL.
"""

from __future__ import annotations

import gc
import heapq
import math
import random
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import greenlet

from harness.errors import DeadlineExceeded
from harness.simulation.clock import CLOCK, EPOCH_NS, NS

FIRST_PID = 1000
EVENTS_PER_INSTANT = 2_000
"""After so many events at one moment a millisecond passes: computing takes no time here, and a message that
is rejected and delivered again would otherwise go round for ever at one moment, unseen by the harness."""
INSTANTS = 500
"""So many of these milliseconds in a row are more than any honest app needs."""
EVENTS_PER_COLLECTION = 25_000
"""Garbage is collected between events, at the same ones in every run: finalizers may send commands."""

Timer = list[Any]
"""An entry of the heap: [when, tie, number, function, argument]; without a function it was cancelled."""


class Strand(greenlet.greenlet):  # type: ignore[misc]
    """The greenlet of a simulated process."""

    process: Process


@dataclass(eq=False)
class Process:
    """A simulated process: a client, a worker's main process, or a child of its pool."""

    name: str
    role: str
    pid: int
    parent: Process | None = None
    alive: bool = True
    paused: bool = False
    exit_status: int | None = None
    strands: list[Strand] = field(default_factory=list)
    sockets: list[Any] = field(default_factory=list)
    """What it has open; closed by the kernel when it ends."""
    children: list[Process] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)
    """What `harness.simulation.memory` keeps for it while another process runs."""
    held_back: list[tuple[Strand, Any]] = field(default_factory=list)
    """What it would have run while it was stopped (SIGSTOP)."""
    pending: list[int] = field(default_factory=list)
    """Signals that came while it was stopped: they are the first that it hears of (`signal(7)`)."""
    on_end: list[Callable[[], None]] = field(default_factory=list)
    on_signal: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True)
class Interrupt:
    """A signal handler, to be run where a greenlet waits."""

    handler: Callable[[], None]


class Wakeup:
    """One wait of one greenlet; whoever comes first ends it, and later ones are not heard."""

    __slots__ = ("called", "fired", "interruptible", "kernel", "strand")

    def __init__(self, kernel: Kernel, strand: Strand, *, interruptible: bool = False) -> None:
        self.kernel = kernel
        self.strand = strand
        self.called = self.fired = False
        self.interruptible = interruptible
        """Whether a signal handler ends the wait; it goes on otherwise, as Python's sleep does (PEP 475)."""

    def __call__(self) -> None:
        """Something came: wake it when its turn comes."""
        if not self.called:
            self.called = True
            self.kernel.at(CLOCK.ns, self.now)

    def now(self, _: Any = None) -> None:
        """Wake it at once."""
        self.called = True
        if not self.fired:
            self.fired = True
            self.kernel.resume(self.strand, self)


class Kernel:
    """Time, processes and randomness of one simulated world."""

    running: Strand | None = None

    def __init__(self, seed: int = 0) -> None:
        self.hub = greenlet.getcurrent()
        self.heap: list[Timer] = []
        self.number = 0
        self.pids = FIRST_PID
        self.processes: dict[int, Process] = {}
        self.graveyard: list[Process] = []
        self.running: Strand | None = None
        self.client = Process("client", "client", 0)
        self.current = self.client
        self.on_switch: Callable[[Process, Process], None] = lambda _old, _new: None
        self.on_instant: Callable[[], bool] = lambda: False
        """Asked before time moves on; True stops the run there."""
        self.on_end: Callable[[], None] = lambda: None
        """Told whenever a process has ended."""
        self.closing = False
        self._instant = self._computed = self._events = self._ends = 0
        self.seed(seed)
        self.adopt(self.client)
        CLOCK.sleep, CLOCK.spin, CLOCK.kill = self.sleep, self._spin, self.kill
        CLOCK.getpid = lambda: self.current.pid
        CLOCK.getppid = lambda: self.current.parent.pid if self.current.parent else 1

    def seed(self, seed: int, *, shuffled: bool = False) -> None:
        """Ids and ties come from streams of their own, so that one does not move the other."""
        self.ids = random.Random(f"ids{seed}")
        self.ties = random.Random(f"ties{seed}")
        self.shuffled = shuffled
        CLOCK.urandom = self.ids.randbytes
        random.seed(f"app{seed}")

    # Time.

    def at(self, ns: int, function: Callable[[Any], object], argument: Any = None) -> Timer:
        """Call a function at a moment; the entry can be given to `cancel`."""
        self.number += 1
        tie = self.ties.random() if self.shuffled else 0.0
        entry: Timer = [max(ns, CLOCK.ns), tie, self.number, function, argument]
        heapq.heappush(self.heap, entry)
        return entry

    def after(self, seconds: float, function: Callable[[Any], object], argument: Any = None) -> Timer:
        """Call a function some seconds from now."""
        return self.at(CLOCK.ns + round(seconds * NS), function, argument)

    @staticmethod
    def cancel(entry: Timer) -> None:
        """It will not be called."""
        entry[3] = None

    def run(self, until_s: float) -> bool:
        """Let time pass up to a moment; True where `on_instant` stopped it before."""
        heap, limit_ns = self.heap, EPOCH_NS + math.ceil(until_s * NS)
        while heap:
            entry = heap[0]
            if entry[3] is None:
                heapq.heappop(heap)
                continue
            if entry[0] > CLOCK.ns:
                self._instant = self._computed = 0
                if self.on_instant():
                    return True
                if not heap or heap[0][0] <= CLOCK.ns:
                    continue
                if heap[0][0] > limit_ns:
                    break
                CLOCK.set(heap[0][0])
                continue
            if self._instant >= EVENTS_PER_INSTANT and self._compute(limit_ns):
                return True
            heapq.heappop(heap)
            self._count()
            entry[3](entry[4])
        self.enter(self.client)
        if limit_ns > CLOCK.ns:
            if not heap and self.on_instant():
                return True
            CLOCK.set(limit_ns)
        return self.on_instant()

    def _count(self) -> None:
        """One event more."""
        self._events += 1
        if self._events % EVENTS_PER_COLLECTION == 0:
            gc.collect()
        self._instant += 1

    def _compute(self, limit_ns: int) -> bool:
        """So much happened at one moment that it must have taken some time; whether to stop here."""
        self._instant = 0
        self._computed += 1
        if self._computed > INSTANTS:
            raise DeadlineExceeded(
                f"The simulation stands still at {CLOCK.now_s():g} s: something goes on without end "
                "and without letting time pass."
            )
        CLOCK.set(CLOCK.ns + NS // 1000)
        return self.on_instant() or limit_ns <= CLOCK.ns

    # Processes.

    def adopt(self, process: Process) -> None:
        """Give a process its pid."""
        process.pid = self.pids
        self.pids += 1
        self.processes[process.pid] = process
        if process.parent is not None:
            process.parent.children.append(process)

    def spawn(self, process: Process, function: Callable[..., Any]) -> Strand:
        """Run a function in a process, from now on."""
        strand = self.strand(process, function)
        self.at(CLOCK.ns, self.resume, strand)
        return strand

    def strand(self, process: Process, function: Callable[..., Any]) -> Strand:
        """A greenlet of a process that somebody will resume."""
        strand = Strand(function, self.hub)
        strand.process = process
        process.strands = [each for each in process.strands if not each.dead]
        process.strands.append(strand)
        return strand

    def enter(self, process: Process) -> None:
        """From here on what runs is this process."""
        if process is not self.current:
            self.on_switch(self.current, process)
            self.current = process

    def resume(self, strand: Strand, value: Any = None) -> None:
        """Let a greenlet go on; a dead process stays dead, a stopped one goes on when it is continued."""
        self._switch(strand, strand.switch, value)

    def throw(self, strand: Strand, error: BaseException) -> None:
        """Raise an exception where a greenlet waits, as a signal handler would."""
        self._switch(strand, strand.throw, error)

    def _switch(self, strand: Strand, how: Callable[[Any], Any], value: Any) -> None:
        process = strand.process
        if not process.alive or strand.dead:
            return
        if process.paused:
            process.held_back.append((strand, value))
            return
        self.enter(process)
        before, self.running = self.running, strand
        CLOCK.reads = 0
        try:
            how(value)
        finally:
            self.running = before

    def park(self, wakeup: Wakeup | None = None) -> None:
        """Wait for a wakeup, or until anybody resumes this greenlet where none is given.

        A signal handler runs here, as it would in the main thread of a process that waits. What traces the
        lines of this greenlet does not trace others.
        """
        tracer = sys.gettrace()
        if tracer is not None:
            sys.settrace(None)
        try:
            while True:
                value = self.hub.switch()
                if isinstance(value, Interrupt):
                    value.handler()
                    if wakeup is None or wakeup.fired or wakeup.interruptible:
                        return
                elif wakeup is None or value is wakeup:
                    return
        finally:
            if tracer is not None:
                sys.settrace(tracer)

    def sleep(self, seconds: float) -> None:
        """``time.sleep`` of everybody."""
        strand = self.running
        if strand is None:
            self.run(CLOCK.now_s() + max(seconds, 0.0))
            return
        wakeup = Wakeup(self, strand)
        entry = self.after(max(seconds, 0.0), wakeup.now)
        try:
            self.park(wakeup)
        finally:
            self.cancel(entry)

    def pause(self) -> None:
        """Let everybody else go first who has something to do now."""
        self.sleep(0.0)

    def _spin(self) -> None:
        if self.running is not None:
            self.sleep(0.001)

    # Signals.

    def kill(self, pid: int, number: int) -> None:
        """``os.kill`` of everybody."""
        process = self.processes.get(pid)
        if process is None or not process.alive:
            raise ProcessLookupError(3, "No such process")
        if number == signal.SIGCONT:
            self.go_on(process)
        elif number == signal.SIGSTOP:
            process.paused = True
        elif number == signal.SIGKILL:
            self.end(process, -int(number))
        elif process.paused:
            process.pending += [int(number)] * (number != 0)
        elif number:
            self._deliver(process, int(number))

    def _deliver(self, process: Process, number: int) -> None:
        """A signal reaches a process that runs."""
        if process.on_signal is not None:
            process.on_signal(number)
        else:
            self.end(process, -number)

    def go_on(self, process: Process) -> None:
        """SIGCONT."""
        process.paused = False
        pending, process.pending = process.pending, []
        for number in dict.fromkeys(pending):  # one that is pending already does not come twice
            if process.alive:
                self._deliver(process, number)
        held, process.held_back = process.held_back, []
        for strand, value in held:
            self.at(CLOCK.ns, self._go_on, (strand, value))

    def _go_on(self, what: tuple[Strand, Any]) -> None:
        self.resume(*what)

    def end(self, process: Process, status: int) -> None:
        """A process is no more, and the kernel closes what it had open; never returns to it."""
        if not process.alive:
            return
        process.alive, process.exit_status = False, status
        self.processes.pop(process.pid, None)
        self.graveyard.append(
            process
        )  # a greenlet that nobody refers to is unwound, and would run its finally
        self._ends += 1
        try:
            for function in process.on_end:
                function()
            for socket in list(process.sockets):
                socket.hang_up()
            process.sockets.clear()
            self.on_end()
        finally:
            self._ends -= 1
        if not self._ends and self.running is not None and not self.running.process.alive:
            self.park()
            raise greenlet.GreenletExit  # reached when the world is closed, and not before

    def living(self, process: Process) -> Iterator[Process]:
        """A process and those below it, as far as they live."""
        if process.alive:
            yield process
        for child in list(process.children):
            yield from self.living(child)

    def close(self) -> None:
        """Unwind every greenlet; nothing that they still do has an effect."""
        self.closing = True
        everybody = [*self.graveyard, *self.processes.values()]
        for process in everybody:
            process.alive, process.paused = True, False
            for strand in process.strands:
                if bool(strand) and not strand.dead:
                    self.enter(process)
                    self.running = strand
                    with suppress(BaseException):  # the end of a world that is over
                        strand.throw(greenlet.GreenletExit)
            process.strands.clear()
        self.running = None
        self.graveyard.clear()
