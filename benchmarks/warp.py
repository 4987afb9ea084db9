"""Virtual seconds in one real second, on real workers: ``python benchmarks/warp.py [rounds]``.

Each figure is a median of the rounds of this one run. The last line compares a short ladder on warped time
with the same ladder with ``--warp off``: only such ratios are comparable between machines.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests" / "warp")]

from small_stage import SmallStage, small_stage  # noqa: E402

from harness.warp import RealTime, Warp  # noqa: E402

_MEMORY = Path("/dev/shm")
_SHORT_BASE_S = 0.5


def _idle(stage: SmallStage, seconds: float) -> tuple[float, float]:
    assert stage.clock
    with Warp(stage.clock, stage.pids) as warp:
        started = time.monotonic()
        assert not warp.advance(lambda: False, within_s=seconds)
        return seconds, time.monotonic() - started


def _ladder(stage: SmallStage, base_s: float) -> tuple[float, float]:
    """Virtual and real seconds from the first attempt to the last."""
    stage.send(f"small_app.ladder.delay({base_s})")

    def known() -> list[float]:
        return [entry["next"] for entry in stage.record("attempt")]

    pace = Warp(stage.clock, stage.pids, precise_s=known) if stage.clock else RealTime()
    assert pace.advance(lambda: bool(stage.record("attempt")), within_s=30)
    started = time.monotonic()
    assert pace.advance(lambda: bool(stage.record("exhausted")), within_s=1200)
    real = time.monotonic() - started
    pace.close()
    return stage.record("exhausted")[0]["mono"] - stage.record("attempt")[0]["mono"], real


def _measure(
    workers: int, run: Callable[[SmallStage], tuple[float, float]], *, warped: bool = True
) -> tuple[float, float]:
    with (
        tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder,
        small_stage(Path(folder) / "stage", warped=warped) as stage,
    ):
        stage.start_redis()
        stage.start_workers(workers)
        return run(stage)


def main(rounds: int) -> None:
    """Print one line a case: virtual seconds, median real seconds, their ratio."""
    cases: list[tuple[str, Callable[[], tuple[float, float]]]] = [
        ("one idle worker", lambda: _measure(1, lambda stage: _idle(stage, 3600))),
        ("six idle workers", lambda: _measure(6, lambda stage: _idle(stage, 1000))),
        ("ladder, base 30 s", lambda: _measure(1, lambda stage: _ladder(stage, 30))),
        ("short ladder", lambda: _measure(1, lambda stage: _ladder(stage, _SHORT_BASE_S))),
        (
            "short ladder, --warp off",
            lambda: _measure(1, lambda stage: _ladder(stage, _SHORT_BASE_S), warped=False),
        ),
    ]
    medians: dict[str, float] = {}
    for name, case in cases:
        results = [case() for _ in range(rounds)]
        virtual = statistics.median(result[0] for result in results)
        medians[name] = real = statistics.median(result[1] for result in results)
        print(f"{name:26} {virtual:8.1f} virtual s {real:8.2f} real s {virtual / real:8.0f} x", flush=True)
    print(f"warp over --warp off: {medians['short ladder, --warp off'] / medians['short ladder']:.0f} x")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
