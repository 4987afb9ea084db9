"""Keeps runs: ``reports/SCENARIO/RUN/{contract.toml, history.jsonl, verdict.json}``."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from harness import history as histories
from harness.contract import Contract
from harness.contract_file import dumps, loads, resolve
from harness.errors import ContractError, HistoryError, StageError, UsageError
from harness.history import History
from harness.masking import Mask
from harness.settings import task_names
from harness.verdict import Verdict, document, from_document

KEPT_RUNS = 50
"""Runs that are kept for one scenario; older ones are removed."""


def check_writable(reports: Path) -> None:
    """`UsageError` where runs cannot be kept: said before a run, and tried; nothing is left."""
    missing = [place for place in (reports.absolute(), *reports.absolute().parents) if not place.exists()]
    try:
        reports.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=reports):
            pass
        with suppress(OSError):  # another run has come meanwhile
            for place in missing:
                place.rmdir()
    except OSError as error:
        raise UsageError(
            f"{reports}: runs cannot be kept here ({error.strerror}).",
            remedy="Name another folder: --reports DIR",
        ) from None


def save(
    reports: Path, scenario: str, contract: Contract, history: History, verdicts: Sequence[Verdict]
) -> Path:
    """Write one run and return its folder; `StageError` where the disk does not take it."""
    try:
        folder = _new_folder(reports / scenario, history.header.seed)
        (folder / "contract.toml").write_text(dumps(contract), encoding="utf-8")
        mask = Mask(event.data for event in history.events)
        histories.write(_hidden(history, mask), folder / "history.jsonl")
        save_verdicts(folder, verdicts, mask)
        _remove_old(reports / scenario)
    except OSError as error:
        raise StageError(
            f"{reports}: the run could not be kept ({error.strerror}).", remedy="Make room, and run it again."
        ) from error
    return folder


def save_page(folder: Path, text: str) -> None:
    """Write ``report.html``; `StageError` where the disk does not take it. The run itself is kept already."""
    try:
        (folder / "report.html").write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise StageError(
            f"{folder}: the run is kept, and its report.html could not be ({error.strerror}).",
            remedy="Make room; celery-harness judge --format html makes it again.",
        ) from error


def _hidden(history: History, mask: Mask) -> History:
    """The record as it is kept: without its credentials."""
    header = replace(history.header, command=mask(history.header.command))
    return History(header, tuple(replace(event, data=mask(event.data)) for event in history.events))


def save_verdicts(folder: Path, verdicts: Sequence[Verdict], mask: Mask | None = None) -> None:
    """Write ``verdict.json``, without credentials."""
    text = json.dumps((mask or Mask(()))(document(verdicts)), indent=2, default=str)
    (folder / "verdict.json").write_text(text + "\n", encoding="utf-8")


def load(folder: Path) -> tuple[Contract, History]:
    """A stored run: what was promised, its tiers with their members, and what happened."""
    if not (folder / "history.jsonl").exists():
        raise UsageError(
            f"{folder}: there is no stored run here.", remedy="Name a folder with a history.jsonl."
        )
    path = folder / "contract.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HistoryError(f"{path}: cannot be read: {error}.") from error
    history = histories.read(folder / "history.jsonl")
    contract = loads(text, path)
    names = task_names(history.header.settings)
    with suppress(ContractError):  # it has been changed, or the record is old: judged by names alone
        contract = resolve(contract, names) if names else contract
    return replace(contract, path=history.header.contract, origins=history.header.origins), history


def load_verdicts(folder: Path) -> list[Verdict]:
    """The verdicts as they were given."""
    path = folder / "verdict.json"
    try:
        return from_document(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        remedy = f"celery-harness judge {folder} judges the run again."
        raise HistoryError(f"{path}: cannot be read: {error}.", remedy=remedy) from error


def _new_folder(scenario: Path, seed: int) -> Path:
    """A folder whose name sorts after those of earlier runs; no other run has it."""
    while True:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        folder = scenario / f"{stamp}-seed{seed}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue  # another run of this microsecond
        return folder


def _remove_old(folder: Path) -> None:
    runs = sorted(path for path in folder.iterdir() if (path / "history.jsonl").exists())
    for run in runs[:-KEPT_RUNS]:
        shutil.rmtree(run, ignore_errors=True)
