"""How long a stage takes to be ready: a plain app, two children, Valkey; median and 95th percentile.

``python benchmarks/cluster.py [boots]``. Figures are printed, never tested: the machine decides them.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from harness.contract_file import loads
from harness.stage import StageSettings
from harness.stages.processes import Processes

APP = """
from celery import Celery

app = Celery("plain")


@app.task(name="plain.work")
def work():
    return None
"""
CONTRACT = '[tiers.all]\ntasks = ["plain.*"]\n\n[workers.one]\nconcurrency = 2\n'


def main(boots: int) -> None:
    """Boot and end the stage so many times."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plain.py").write_text(APP, encoding="utf-8")
        settings = StageSettings("plain:app", loads(CONTRACT), folder)
        ready_s, over_s = [], []
        for _ in range(boots):
            began = time.perf_counter()
            with Processes.open(settings):
                ready_s.append(time.perf_counter() - began)
                ends = time.perf_counter()
            over_s.append(time.perf_counter() - ends)
    for what, times in (("ready", ready_s), ("over", over_s)):
        slow = statistics.quantiles(times, n=20)[-1] if len(times) > 1 else times[0]
        print(f"{what:<6} median {statistics.median(times):.2f} s   p95 {slow:.2f} s   ({boots} boots)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
