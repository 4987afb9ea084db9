"""Whether runs agree: `celery-harness verify` again and again, each with another seed, all verdicts compared.

``python benchmarks/agreement.py myhours.celery:app redis [runs [stage [workdir]]]``. Runs are kept in
reports/ as always; the last ones there are compared, ten unless more were made now. ``0`` makes none and
compares what is there.
After each run nothing of it may be left: no process (and so no port), and no folder.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from harness.reaper import MEMORY, OWNER, PREFIX

ROOT = Path(__file__).resolve().parents[1]
COMPARED = 10
HARNESS = Path(sys.executable).with_name("celery-harness")
MARK = "CELERY_HARNESS_AGREEMENT"


def main(app: str, broker: str, runs: int, stage: str = "processes", workdir: str = "myhours") -> int:
    """Make the runs and compare the last ones; returns 1 where any verdict differs or anything was left."""
    left = []
    for number in range(runs):
        command = [HARNESS, "verify", "-A", app, "--workdir", workdir, "--broker", broker]
        command += ["--stage", stage]
        mark = secrets.token_hex(8)
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, MARK: mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        out, err = process.communicate()
        last = next((line for line in out.splitlines() if "unknown" in line and ":" in line), "")
        print(f"{number + 1}: exit status {process.returncode} {last or err[-300:]}", flush=True)
        if process.returncode not in (0, 1, 3):
            return 2
        left += [f"left by run {number + 1}: {what}" for what in left_behind(process.pid, mark)]
    print(*left, sep="\n", end="\n" if left else "")
    name = "".join(letter if letter.isalnum() else "-" for letter in app.partition(":")[0])
    paths = sorted((ROOT / "reports" / f"verify-{name}-{broker}").glob("*/verdict.json"))
    stored = [path for path in paths if made_by(path.parent) == (version("celery"), stage)]
    found = stored[-max(COMPARED, runs) :]
    outcomes = defaultdict[tuple[str, str], Counter[str]](Counter)
    for path in found:
        for verdict in json.loads(path.read_text(encoding="utf-8")):
            outcomes[verdict["guarantee"], verdict["tier"]][verdict["outcome"]] += 1
    differing = {key: counts for key, counts in outcomes.items() if max(counts.values()) < len(found)}
    for (guarantee, tier), counts in differing.items():
        print(f"{guarantee} [{tier}]: {dict(counts)}")
    alike = len(outcomes) - len(differing)
    print(f"{app} on {stage}, {broker}: {alike} of {len(outcomes)} verdicts alike in {len(found)} runs")
    return 1 if differing or left else 0


def left_behind(harness: int, mark: str) -> list[str]:
    """Processes with the mark, or that write into a run's folder that is gone; folders of this harness."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            marked = f"{MARK}={mark}".encode() in (place / "environ").read_bytes().split(b"\0")
            errors = str((place / "fd" / "2").readlink())
            if marked or (PREFIX in errors and errors.endswith("(deleted)")):
                found.append(f"process {place.name}: {(place / 'cmdline').read_bytes()[:100]!r}")
    for folder in {MEMORY, Path(tempfile.gettempdir())}:
        for owner in folder.glob(f"{PREFIX}*/{OWNER}"):
            with suppress(OSError):
                if json.loads(owner.read_text(encoding="ascii"))["pid"] == harness:
                    found.append(f"folder {owner.parent}")
    return found


def made_by(folder: Path) -> tuple[str, str]:
    """Celery and stage of a stored run: another Celery keeps other promises."""
    with (folder / "history.jsonl").open(encoding="utf-8") as stream:
        header = json.loads(stream.readline())
    return str(header["versions"]["celery"]), str(header["stage"])


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 6:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:3], int(sys.argv[3]) if len(sys.argv) > 3 else COMPARED, *sys.argv[4:]))
