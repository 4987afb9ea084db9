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


def _spin(seconds: float) -> None:
    """Hit a moment to the microsecond; a sleep would be too coarse."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        pass
