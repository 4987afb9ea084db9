"""Every way to wait for a time follows the shared clock."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.warp import SharedClock, Warp
from tests.warp.primitives import NOT_JUMP_AWARE, PRIMITIVES

Child = subprocess.Popen[str]
Spawn = Callable[..., Child]


_RUN = "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
_PROGRAM = Path(__file__).parent / "primitives.py"


def _result(child: subprocess.Popen[str]) -> list[float]:
    said, _ = child.communicate(timeout=100)
    assert child.returncode == 0, said
    return [float(word) for word in said.split()]


@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_wait_is_scaled_by_a_fixed_rate(name: str, clock: SharedClock, spawn: Spawn) -> None:
    """A wait that knows nothing of the rate would take 30 real seconds."""
    clock.set_rate(60)
    virtual, real, wall = _result(spawn(_RUN, _PROGRAM, name, 30))
    assert virtual >= 29.9
    assert wall == pytest.approx(virtual, abs=6)
    assert real < 25


@pytest.mark.parametrize("name", [name for name in PRIMITIVES if name not in NOT_JUMP_AWARE])
def test_a_wait_ends_at_its_moment_when_time_jumps(name: str, clock: SharedClock, spawn: Spawn) -> None:
    """Never before it; after it no time passes but that in which the process waits for a CPU."""
    child = spawn(_RUN, _PROGRAM, name, 600)
    with Warp(clock, lambda: [child.pid]) as warp:
        assert warp.advance(lambda: child.poll() is not None, within_s=2000)
    virtual, real, wall = _result(child)
    assert 599.9 <= virtual <= 600 + 1.5 + real
    assert wall == pytest.approx(virtual, abs=0.1)
    assert real < virtual / 5
