"""Workers, logs and alerts."""

from __future__ import annotations

import inspect

import pytest

from scenarios.rules.proof import Shown, pids


def test_the_worker_removes_the_handlers_of_the_project(bad: Shown, good: Shown) -> None:
    assert (bad.has("OPS002", ""), good.has("OPS002", "")) == (True, False)
    assert "a line of our own" not in (bad.files / "own.log").read_text()
    assert "a line of our own" in (good.files / "own.log").read_text()


def test_a_child_is_replaced_after_so_many_tasks(bad: Shown, good: Shown) -> None:
    assert (bad.has("OPS003", ""), good.has("OPS003", "")) == (True, False)
    assert len(pids(bad.lives("ranks") + bad.lives("children"))) == 1
    assert len(pids(good.lives("ranks") + good.lives("children"))) > 2


def test_a_worker_gives_the_broker_up(bad: Shown, good: Shown) -> None:
    assert (bad.has("OPS004", ""), good.has("OPS004", "")) == (True, False)
    """After three attempts here, a hundred by default; the good one waits on."""
    assert bad.seen["gave up"] is True
    assert good.seen["gave up"] is False


def test_a_mail_without_a_sender_is_an_error() -> None:
    """Django's own function refuses the call."""
    signature = inspect.signature(pytest.importorskip("django.core.mail").send_mail)
    with pytest.raises(TypeError, match="from_email"):
        signature.bind("subject", "text", recipient_list=["a@example.org"])
    signature.bind("subject", "text", None, ["a@example.org"])
