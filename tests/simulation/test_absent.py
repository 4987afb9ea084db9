"""What libraries import where they find it is not there for them, and is for the app."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from harness.simulation.absent import absent


def test_it_cannot_be_imported_inside_and_can_afterwards() -> None:
    sys.modules.pop("this", None)
    with absent("this"), pytest.raises(ImportError):
        importlib.import_module("this")
    assert "this" not in sys.modules


def test_what_was_imported_before_stays() -> None:
    with absent("json"):
        assert importlib.import_module("json").dumps([]) == "[]"


def test_a_simulating_process_has_neither_pytest_nor_valkey() -> None:
    code = "import harness.simulation.stores, sys; print({'pytest', 'valkey'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
