"""Rules that make no sense are refused, in words for whoever has asked for them."""

from __future__ import annotations

from typing import Any

import pytest

from harness.proxy.rules import Unit
from tests.proxy.talk import rule


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"action": "cut", "command": ""}, "names no command"),
        ({"action": "cut", "command": "X", "nth": 0}, "counted from 1"),
        ({"action": "cut", "command": "X", "sender": "nobody"}, "client or server"),
        ({"action": "burn", "command": "X"}, "no action 'burn'"),
        ({"action": "lose", "command": "X", "sender": "server"}, "only be cut or held"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        rule(**settings)


def test_it_strikes_so_many_times_from_the_nth_on() -> None:
    it = rule("error", "SET", nth=2, times=2)
    assert [it.hit(Unit("SET", b""), "client") for _ in range(5)] == [False, True, True, False, False]
    assert not it.hit(Unit("SET", b""), "server")


def test_it_says_at_which_step_it_strikes() -> None:
    assert rule("cut", "X").step == "before"
    assert rule("cut", "X", after=True).step == "after"
    assert rule("lose", "X").step == "reply"
