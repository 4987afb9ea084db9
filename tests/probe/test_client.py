"""Arguments that a task's signature admits, made up where the contract has no example."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery

from harness.probe.client import made_up

Declared = Callable[..., Any]


def logged(function: Declared) -> Declared:
    """A decorator as apps have it."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def nothing() -> None: ...
def positional(order: int, name: str) -> None: ...
def defaults(order: int, urgent: bool = False) -> None: ...
def keyword_only(order: int, *, note: str = "") -> None: ...
def variadic(order: int, *more: Any, **options: Any) -> None: ...
def typed(order: Any, items: list[int], prices: dict, share: float) -> None: ...  # type: ignore[type-arg]
def with_self(self: Any, order: int) -> None: ...


@pytest.mark.parametrize("wrap", [lambda function: function, logged], ids=["plain", "decorated"])
@pytest.mark.parametrize("retried", [False, True], ids=["", "autoretry"])
@pytest.mark.parametrize(
    ("function", "options", "first"),
    [
        (nothing, {}, []),
        (positional, {}, [1, "name-0"]),
        (defaults, {}, [1]),
        (keyword_only, {}, [1]),
        (variadic, {}, [1]),
        (typed, {}, ["order-0", [0], {"copy": 0}, 0.5]),
        (with_self, {"bind": True}, [1]),
    ],
)
def test_required_parameters_get_a_value_of_their_kind_and_no_others(
    function: Declared, options: dict[str, Any], first: list[Any], wrap: Any, retried: bool
) -> None:
    app = Celery("shop", set_as_current=False)
    more = {"autoretry_for": (OSError,)} if retried else {}
    app.task(name="shop.it", shared=False, **options, **more)(wrap(function))
    app.finalize()
    task = app.tasks["shop.it"]
    made = made_up(task, 0)
    assert made == first
    task.__header__(*made)  # what `apply_async` checks a call against
    if first:
        assert made_up(task, 1) != made
