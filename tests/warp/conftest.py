"""A clock for each test, on a tmpfs where there is one; and real children on it, always ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness.warp import SharedClock, library

_MEMORY = Path("/dev/shm")

Spawn = Callable[..., subprocess.Popen[str]]


def _need_library() -> None:
    if library.find() is None:
        if os.environ.get("CI") == "true":
            pytest.fail(library.why_missing())
        pytest.skip(library.why_missing())


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short-lived folder in memory: a disk's write-back stalls processes that write to a mapped page."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        yield Path(name)


@pytest.fixture
def clock(folder: Path) -> Iterator[SharedClock]:
    _need_library()
    shared = SharedClock.create(folder / "clock")
    yield shared
    shared.close()


@pytest.fixture
def spawn(clock: SharedClock) -> Iterator[Spawn]:
    """``spawn(code, *arguments, passive=False)``: a Python child on the clock, a session of its own."""
    children: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object, passive: bool = False, **more: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, **clock.environment(passive=passive), **more},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(10)
        for pipe in (child.stdin, child.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
