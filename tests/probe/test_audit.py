"""Whoever listens to an event of the interpreter hears it, and nothing else."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from harness.probe.audit import listen


def test_listeners_hear_their_events_in_the_order_in_which_they_came() -> None:
    heard: list[tuple[int, str, Any]] = []
    listen(["harness.test.one", "harness.test.two"], lambda event, args: heard.append((1, event, args)))
    listen(["harness.test.two"], lambda event, args: heard.append((2, event, args)))
    for event in ("harness.test.one", "harness.test.two", "harness.test.three"):
        sys.audit(event, 7)
    assert heard == [
        (1, "harness.test.one", (7,)),
        (1, "harness.test.two", (7,)),
        (2, "harness.test.two", (7,)),
    ]


def test_what_a_listener_raises_is_raised_where_the_event_is() -> None:
    def refuse(event: str, _: tuple[Any, ...]) -> None:
        raise PermissionError(event)

    listen(["harness.test.refused"], refuse)
    with pytest.raises(PermissionError, match=r"harness\.test\.refused"):
        sys.audit("harness.test.refused")
