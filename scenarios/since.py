"""What is younger than the oldest Celery which is supported: settings, and what workers do."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from harness.plugin import Judgement

YOUNG = frozenset({"result_expiry", "result_compression"})
"""What `result_failure_expires` and `result_compression` give; both are new in Celery 5.7."""


def since(celery: str, why: str) -> pytest.MarkDecorator:
    """Skips a test on a Celery older than this series (``5.7``); `why` says what it lacks, and the source."""
    return pytest.mark.skipif(_series(version("celery")) < _series(celery), reason=f"before {celery} {why}")


def _series(text: str) -> tuple[int, int]:
    major, minor, *_ = text.split(".")
    return int(major), int(minor)


def young_settings(judgement: Judgement) -> bool:
    """Whether the run's Celery knows them."""
    return _series(judgement.history.header.versions["celery"]) >= (5, 7)


def need_young_settings(judgement: Judgement) -> None:
    """Skip the test where it does not."""
    if not young_settings(judgement):
        pytest.skip("result_failure_expires and result_compression are new in Celery 5.7 (celery#9370)")
