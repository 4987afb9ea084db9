"""Whatever strikes, in an order that a seed tells: every account is paid, and once.

``--seed N`` plays one more mix. One that fails is stored (`scenarios/mixes.py`), named with the failure, and
played again with every run until it passes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.nemesis import random_strikes
from harness.workload import Body, Strike
from scenarios import mixes
from scenarios.payments import Bank, Paid

pytestmark = pytest.mark.chaos

FAULTS = (
    Strike("worker_kill", {"worker": "first"}),
    Strike("worker_kill", {"worker": "second"}),
    Strike("child_kill", {"worker": "first"}),
    Strike("worker_stop", {"worker": "second"}),
    Strike("worker_pause", {"worker": "first"}),
    Strike("worker_file_slow", {"path": "/*ledger*", "delay_s": 0.5}),
    Strike("broker_drops_connections"),
    Strike("results_gone"),
    Strike("results_pause"),
    Strike("results_drops_connections"),
    Strike("clock_skew", {"worker": "second", "seconds": 1000.0}),
    Strike("database_locked"),
    Strike("database_unreachable"),
    Strike("no_op"),
)

AT_CALLS = {"worker_file_slow", "clock_skew"}


def played(bank: Bank, strikes: tuple[Strike, ...]) -> Paid:
    """Fifty payments in forty seconds."""
    return bank.pay(50, *strikes, every_s=0.8, body=Body(hold_s=0.5))


def mix(seed: int, *, clocks: bool = True, calls: bool = True) -> tuple[Strike, ...]:
    """A fault every ten seconds or so, each for some seconds; without `clocks` those stay as they are.

    Without `calls` none strikes at system calls: simulated workers make none.
    """
    faults = [
        strike
        for strike in FAULTS
        if (clocks or strike.fault != "clock_skew") and (calls or strike.fault not in AT_CALLS)
    ]
    return random_strikes(seed, faults, duration_s=40, mean_gap_s=10, mean_hold_s=4)


@pytest.mark.parametrize("seed", [1, 2, 3, None], ids=["1", "2", "3", "given"])
def test_a_random_mix_of_faults_loses_no_payment(
    careful: Bank, seed: int | None, pytestconfig: pytest.Config
) -> None:
    """Every task is accounted for."""
    chosen = pytestconfig.getoption("--seed") if seed is None else seed
    if chosen is None:
        pytest.skip("no --seed was given")
    warp = careful.world.warp
    strikes = mix(int(chosen), clocks=warp != "off", calls=warp != "virtual")
    try:
        played(careful, strikes).assert_each_paid_once()
    except AssertionError as error:
        path = mixes.store(int(chosen), strikes, error)
        error.add_note(f"The mix is kept in {path}, and played again by pytest scenarios -k failed_before")
        raise


@pytest.mark.parametrize("path", mixes.stored(), ids=lambda path: path.stem)
def test_a_mix_that_failed_before_passes_now(careful: Bank, path: Path) -> None:
    """As it was stored, whatever faults there are now; it is forgotten once it passes."""
    played(careful, mixes.loaded(path)).assert_each_paid_once()
    path.unlink()


def test_a_mix_that_is_stored_is_the_one_that_is_played_again(tmp_path: Path) -> None:
    """Faults, settings and moments."""
    path = mixes.store(7, mix(7), AssertionError("never paid: [3]"), tmp_path)
    assert mixes.stored(tmp_path) == [path]
    assert mixes.loaded(path) == mix(7)
    assert mix(7) != mix(8)
    assert "never paid: [3]" in path.read_text(encoding="utf-8")
