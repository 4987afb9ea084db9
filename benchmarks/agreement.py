"""Whether runs agree: `celery-harness verify` again and again, each with another seed, all verdicts compared.

``python benchmarks/agreement.py myhours.celery:app redis [runs]``. Runs are kept in reports/ as always; the
last ones there are compared, ten unless more were made now. ``0`` makes none and compares what is there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPARED = 10
HARNESS = Path(sys.executable).with_name("celery-harness")


def main(app: str, broker: str, runs: int) -> int:
    """Make the runs and compare the last ones; returns 1 where any verdict differs."""
    for number in range(runs):
        command = [HARNESS, "verify", "-A", app, "--workdir", "myhours", "--broker", broker]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        last = next((line for line in done.stdout.splitlines() if "unknown" in line and ":" in line), "")
        print(f"{number + 1}: exit status {done.returncode} {last or done.stderr[-300:]}", flush=True)
        if done.returncode not in (0, 1, 3):
            return 2
    name = "".join(letter if letter.isalnum() else "-" for letter in app.partition(":")[0])
    paths = sorted((ROOT / "reports" / f"verify-{name}-{broker}").glob("*/verdict.json"))
    stored = [path for path in paths if celery_of(path.parent) == version("celery")]
    found = stored[-max(COMPARED, runs) :]
    outcomes = defaultdict[tuple[str, str], Counter[str]](Counter)
    for path in found:
        for verdict in json.loads(path.read_text(encoding="utf-8")):
            outcomes[verdict["guarantee"], verdict["tier"]][verdict["outcome"]] += 1
    differing = {key: counts for key, counts in outcomes.items() if max(counts.values()) < len(found)}
    for (guarantee, tier), counts in differing.items():
        print(f"{guarantee} [{tier}]: {dict(counts)}")
    alike = len(outcomes) - len(differing)
    print(f"{app} on {broker}: {alike} of {len(outcomes)} verdicts alike in {len(found)} runs")
    return 1 if differing else 0


def celery_of(folder: Path) -> str:
    """The Celery of a stored run: another one keeps other promises."""
    with (folder / "history.jsonl").open(encoding="utf-8") as stream:
        return str(json.loads(stream.readline())["versions"]["celery"])


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) == 4 else COMPARED))
