"""Chooses the contract for an app: the one named, the one beside the app, else one drafted from it."""

from __future__ import annotations

from pathlib import Path

from harness.contract import Contract
from harness.contract_file import load, loads
from harness.draft import draft
from harness.inspection import inspect


def contract_beside(app: str, workdir: Path) -> Path | None:
    """``contract.MODULE.toml`` for ``-A package.MODULE:app``, else ``contract.toml``, else None."""
    module = app.partition(":")[0].rpartition(".")[2]
    paths = (workdir / f"contract.{module}.toml", workdir / "contract.toml")
    return next((path for path in paths if path.exists()), None)


def find_contract(app: str, workdir: Path, given: Path | None) -> tuple[Contract, bool]:
    """The contract, and whether it was drafted since there is none; `given` is what ``--contract`` names."""
    path = given or contract_beside(app, workdir)
    if path is not None:
        return load(path), False
    inspection = inspect(app, workdir)
    return loads(draft(inspection.snapshot, app, workdir), Path("the drafted contract")), True
