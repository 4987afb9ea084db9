"""Mixes of faults that have failed: kept beside the reports, and played again until they pass."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from harness.workload import Strike, Trigger

FOLDER = Path(__file__).resolve().parents[1] / "reports" / "failed-mixes"


def store(seed: int, strikes: Sequence[Strike], error: object, folder: Path = FOLDER) -> Path:
    """Write a mix down, with what it broke; the file is named after its seed."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"mix-{seed}.json"
    document = {"seed": seed, "error": str(error)[:2_000], "strikes": [asdict(strike) for strike in strikes]}
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    return path


def stored(folder: Path = FOLDER) -> list[Path]:
    """What has failed and has not passed since."""
    return sorted(folder.glob("mix-*.json"))


def loaded(path: Path) -> tuple[Strike, ...]:
    """The strikes of a mix that was stored."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return tuple(
        Strike(each["fault"], each["settings"], Trigger(**each["when"])) for each in document["strikes"]
    )
