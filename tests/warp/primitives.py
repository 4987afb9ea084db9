"""Every way to wait for a time; run as a program: ``primitives.py NAME SECONDS`` prints what it took.

The real time comes from the kernel itself, past libc.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import platform
import queue
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLOCK_GETTIME = {"x86_64": 228, "aarch64": 113}[platform.machine()]


class Timespec(ctypes.Structure):
    """The kernel's."""

    _fields_ = (("s", ctypes.c_long), ("ns", ctypes.c_long))


def real_s() -> float:
    now = Timespec()
    _LIBC.syscall(_CLOCK_GETTIME, 1, ctypes.byref(now))
    return float(now.s) + float(now.ns) * 1e-9


def _timespec(seconds: float) -> Timespec:
    return Timespec(int(seconds), int(seconds % 1 * 1e9))


def _poll(s: float) -> None:
    a, _b = socket.socketpair()
    poller = select.poll()
    poller.register(a, select.POLLIN)
    assert poller.poll(s * 1000) == []


def _epoll(s: float) -> None:
    a, _b = socket.socketpair()
    poller = select.epoll()
    poller.register(a, select.EPOLLIN)
    assert poller.poll(s) == []


def _select(s: float) -> None:
    a, _b = socket.socketpair()
    assert select.select([a], [], [a], s) == ([], [], [])


def _socket_timeout(s: float) -> None:
    a, _b = socket.socketpair()
    a.settimeout(s)
    try:
        a.recv(1)
    except TimeoutError:
        return
    raise AssertionError("data from nowhere")


def _receive_timeout(s: float) -> None:
    a, _b = socket.socketpair()
    a.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(s), 0))
    try:
        a.recv(1)
    except BlockingIOError:
        return
    raise AssertionError("data from nowhere")


def _lock(s: float) -> None:
    lock = threading.Lock()
    lock.acquire()
    assert not lock.acquire(timeout=s)


def _queue(s: float) -> None:
    try:
        queue.Queue[int]().get(timeout=s)
    except queue.Empty:
        return


def _interval_timer(s: float) -> None:
    rings: list[int] = []
    signal.signal(signal.SIGALRM, lambda *_: rings.append(1))
    signal.setitimer(signal.ITIMER_REAL, s / 3, s / 3)
    while len(rings) < 3:
        signal.pause()
    signal.setitimer(signal.ITIMER_REAL, 0)


def _alarm(s: float) -> None:
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.alarm(int(s))
    signal.pause()


def _alarm_rings_once(s: float) -> None:
    rings: list[int] = []
    signal.signal(signal.SIGALRM, lambda *_: rings.append(1))
    signal.alarm(int(s / 2))
    time.sleep(s)
    assert rings == [1], rings


def _timerfd(s: float) -> None:
    fd = _LIBC.timerfd_create(1, 0)
    setting = (Timespec * 2)(Timespec(0, 0), _timespec(s))
    assert _LIBC.timerfd_settime(fd, 0, ctypes.byref(setting), None) == 0
    assert os.read(fd, 8) == struct.pack("Q", 1)


def _condition(s: float) -> None:
    """The C library's own, with a wall-clock deadline as by default."""
    condition, mutex = ctypes.create_string_buffer(64), ctypes.create_string_buffer(64)
    end = _timespec(time.time() + s)
    _LIBC.pthread_mutex_lock(mutex)
    while _LIBC.pthread_cond_timedwait(condition, mutex, ctypes.byref(end)) == 0:
        pass


def _asyncio(s: float) -> None:
    import asyncio

    asyncio.run(asyncio.sleep(s))


def _child(s: float) -> None:
    child = subprocess.Popen(["sleep", "100000"])
    try:
        child.wait(timeout=s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _forked(s: float) -> None:
    time.sleep(s / 2)
    if (pid := os.fork()) == 0:
        time.sleep(s / 2)
        os._exit(0)
    os.waitpid(pid, 0)


def _thread(s: float) -> None:
    threads = [threading.Thread(target=time.sleep, args=(s * i / 4,)) for i in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


PRIMITIVES: dict[str, Callable[[float], object]] = {
    "time.sleep": time.sleep,
    "poll": _poll,
    "epoll": _epoll,
    "select": _select,
    "select without descriptors": lambda s: select.select([], [], [], s),
    "socket.settimeout": _socket_timeout,
    "SO_RCVTIMEO": _receive_timeout,
    "Event.wait": lambda s: threading.Event().wait(s),
    "Lock.acquire": _lock,
    "Queue.get": _queue,
    "semaphore of multiprocessing": lambda s: multiprocessing.Semaphore(0).acquire(timeout=s),
    "pthread_cond_timedwait": _condition,
    "setitimer": _interval_timer,
    "alarm": _alarm,
    "alarm rings once": _alarm_rings_once,
    "timerfd": _timerfd,
    "sigtimedwait": lambda s: signal.sigtimedwait([signal.SIGUSR1], s),
    "asyncio.sleep": _asyncio,
    "Popen.wait": _child,
    "sleep of coreutils": lambda s: subprocess.run(["sleep", str(s)], check=True),
    "usleep": lambda s: [_LIBC.usleep(int(s / 10 * 1e6)) for _ in range(10)],
    "fork": _forked,
    "threads": _thread,
}
NOT_JUMP_AWARE = {"SO_RCVTIMEO"}


def clocks() -> tuple[float, float]:
    """Monotonic and wall clock, read with as little between them as a starved process can manage."""
    readings = [(time.time(), time.monotonic(), time.time()) for _ in range(20)]
    before, virtual, after = min(readings, key=lambda reading: reading[2] - reading[0])
    return virtual, (before + after) / 2


if __name__ == "__main__":
    run, seconds = PRIMITIVES[sys.argv[1]], float(sys.argv[2])
    real, (virtual, wall) = real_s(), clocks()
    run(seconds)
    virtual_after, wall_after = clocks()
    print(virtual_after - virtual, real_s() - real, wall_after - wall)
