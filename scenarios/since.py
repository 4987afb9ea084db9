"""Settings of Celery that are younger than the oldest Celery which is supported."""

from __future__ import annotations

import pytest

from harness.plugin import Judgement

YOUNG = frozenset({"result_expiry", "result_compression"})
"""What `result_failure_expires` and `result_compression` give; both are new in Celery 5.7."""


def young_settings(judgement: Judgement) -> bool:
    """Whether the run's Celery knows them."""
    major, minor, *_ = judgement.history.header.versions["celery"].split(".")
    return (int(major), int(minor)) >= (5, 7)


def need_young_settings(judgement: Judgement) -> None:
    """Skip the test where it does not."""
    if not young_settings(judgement):
        pytest.skip("result_failure_expires and result_compression are new in Celery 5.7 (celery#9370)")
