"""What could be changed about an app besides Celery's settings."""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from pathlib import Path

import pytest
from celery import Celery

from harness.probe.survey import Reads, constants, options

pytestmark = pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning")  # Celery's own
MODULE = """
import os
from dataclasses import dataclass

@dataclass(frozen=True)
class Tier:
    retries: int

TIERS = (Tier(int(os.environ.get("SHOP_RETRIES", 5))),)
NAME = os.getenv("SHOP_NAME")
SECRET_TOKEN = "t"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module that reads its environment."""
    (tmp_path / "shop_survey.py").write_text(MODULE)
    monkeypatch.setenv("SHOP_NAME", "corner")
    monkeypatch.setitem(sys.modules, "shop_survey", types.ModuleType("shop_survey"))
    return tmp_path


def load(folder: Path) -> None:
    """Import the module."""
    spec = importlib.util.spec_from_file_location("shop_survey", folder / "shop_survey.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["shop_survey"] = module
    spec.loader.exec_module(module)


def test_variables_that_the_project_reads_are_noted_with_their_defaults(project: Path) -> None:
    reads = Reads(project)
    before = os.environ.get
    reads.install()
    try:
        os.environ.get("HOME")
        load(project)
    finally:
        reads.remove()
    assert reads.seen == {
        "SHOP_RETRIES": {"given": None, "default": 5, "at": "shop_survey.py:9"},
        "SHOP_NAME": {"given": "corner", "default": None, "at": "shop_survey.py:10"},
    }
    assert os.environ.get == before


def test_plain_values_are_found_inside_of_others_and_secrets_are_left_out(project: Path) -> None:
    load(project)
    assert constants(project) == {"shop_survey.TIERS[0].retries": 5, "shop_survey.NAME": "corner"}


def test_options_are_those_that_celery_does_not_have() -> None:
    app = Celery("shop", broker="memory://", set_as_current=False)

    @app.task(  # type: ignore[untyped-decorator]
        shared=False, name="shop.sell", deduplicate=True, acks_late=True, retry_backoff=3, label="a"
    )  # fmt: skip
    def sell() -> None:
        """Nothing."""

    app.finalize()
    assert sell.name == "shop.sell"
    assert options(app)["shop.sell"] == {"deduplicate": True}
