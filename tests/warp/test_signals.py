"""A signal of the app's own ends a sleep on the shared clock, at whatever moment it comes."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.warp.clock import SharedClock

SLEEPER = """
import signal, time

class Interrupted(Exception):
    pass

def interrupt(*_):
    raise Interrupted

signal.signal(signal.SIGUSR1, interrupt)
while True:
    try:
        print("asleep", flush=True)
        time.sleep(100_000)
    except Interrupted:
        pass
"""
SETTER = """
import ctypes, threading, time

libc = ctypes.CDLL(None)

class Spec(ctypes.Structure):
    _fields_ = [(name, ctypes.c_long) for name in ("every_s", "every_ns", "s", "ns")]

def work():
    fd, armed, off, left = libc.timerfd_create(1, 0), Spec(0, 0, 500, 0), Spec(), Spec()
    print("up", flush=True)
    again = 0
    for _ in range(20_000):
        libc.timerfd_settime(fd, 0, ctypes.byref(armed), None)
        libc.timerfd_settime(fd, 0, ctypes.byref(off), None)
        time.sleep(0)
        libc.timerfd_gettime(fd, ctypes.byref(left))
        again += bool(left.s or left.ns)
    print(again, flush=True)

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
SLICE_S = 0.05
TIMES = 100


def test_a_signal_between_two_slices_of_a_sleep_is_not_lost(tmp_path: Path) -> None:
    """Celery's soft time limit is such a signal; one in twelve was lost when they came at slice ends."""
    clock = SharedClock.create(tmp_path / "clock")
    source = random.Random(1)
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER], env={**os.environ, **clock.environment()}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        for _ in range(TIMES):
            readable, _, _ = select.select([process.stdout], [], [], 10)
            assert readable, "the sleep was not interrupted"
            assert process.stdout.readline() == b"asleep\n"
            _spin(SLICE_S - 0.0005 + source.random() * 0.002)
            os.kill(process.pid, signal.SIGUSR1)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        clock.close()


def test_a_timer_that_one_thread_has_disarmed_is_not_armed_again_by_another(tmp_path: Path) -> None:
    """Erlang waits without end then, and never reads a timer that it did not set: RabbitMQ spun for ever."""
    clock = SharedClock.create(tmp_path / "clock")
    process = subprocess.Popen(
        [sys.executable, "-c", SETTER], env={**os.environ, **clock.environment()}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"up\n"
        until_s = time.monotonic() + 60
        while not select.select([process.stdout], [], [], 0)[0] and time.monotonic() < until_s:
            os.kill(process.pid, signal.SIGURG)  # as a jump does
        assert process.stdout.readline() == b"0\n"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        clock.close()


def _spin(seconds: float) -> None:
    """Hit a moment to the microsecond; a sleep would be too coarse."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        pass
