"""Bodies under orders, as Celery runs them: what is raised is seen as the task's own failure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.driver import Driver, contract_for, opened

SHOP = """
import functools, os, time
from celery import Celery
from celery.exceptions import SoftTimeLimitExceeded

app = Celery("shop", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/1")
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True)

@app.task(name="shop.plain")
def plain(n=0):
    return n

@app.task(name="shop.catches")
def catches():
    value = "before"
    try:
        value = "inside"
    except Exception as error:
        return f"caught {type(error).__name__}, value was {value}"
    return value

@app.task(name="shop.auto", autoretry_for=(OSError,), default_retry_delay=10, max_retries=5)
def auto(n=0):
    return n

@app.task(name="shop.by_hand", bind=True, max_retries=5)
def by_hand(self):
    try:
        return str("sold")
    except Exception as error:
        raise self.retry(exc=error, countdown=30)

def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except TypeError:
            return "caught by the decorator"
    return wrapper

@app.task(name="shop.decorated")
@logged
def decorated():
    return "sold"

@app.task(name="shop.constant", bind=True, max_retries=5)
def constant(self):
    try:
        return "sold"
    except Exception as error:
        raise self.retry(exc=error, countdown=30)

@app.task(name="shop.constant_at_last")
def constant_at_last(done=[]):
    try:
        pass
    except OSError:
        return "caught"
    finally:
        done.append(1)
    return "sold"

class Closing(app.Task):
    name, __word = "shop.closing", "caught"
    def run(self):
        try:
            return
        except OSError:
            return [self.__word, super().max_retries]

app.register_task(Closing())

# Its source cannot be read, as that of a compiled module.
exec('''
@app.task(name="shop.sourceless")
def sourceless():
    word = "before"
    try:
        return str(word)
    except Exception:
        return "caught"
''')

class Counting(app.Task):
    abstract = True
    def __call__(self, *args, **kwargs):
        return ["called", self.run(*args, **kwargs)]

@app.task(name="shop.own_call", base=Counting)
def own_call():
    return 1

@app.task(name="shop.limited", soft_time_limit=5, time_limit=20)
def limited():
    return "in time"

@app.task(name="shop.generator")
def generator():
    return sum(n for n in range(3))
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """One stage for all tests of this file."""
    with opened(tmp_path_factory.mktemp("shop"), {"shop.py": SHOP}, contract_for("shop.*")) as driver:
        yield driver


def kinds(shop: Driver, task_id: str, *wanted: str) -> list[str]:
    return [event.kind for event in shop.events(*wanted, task_id=task_id)]


@pytest.mark.parametrize(
    ("kind", "error_type"),
    [
        ("filesystem", "OSError"),
        ("mail", "SMTPServerDisconnected"),
        ("database", "OperationalError"),
        ("programming", "TypeError"),
    ],
)
def test_an_ordered_failure_is_the_task_s_own(kind: str, error_type: str, shop: Driver) -> None:
    task_id = shop.send("shop.plain", body={"raises": kind, "failing_attempts": 1})
    end = shop.outcome(task_id)
    assert (end.kind, end.get("error_type")) == ("task-failed", error_type)
    assert kinds(shop, task_id, "body-entered", "fault-injected", "body-left") == [
        "body-entered", "fault-injected", "body-left",
    ]  # fmt: skip


def test_a_body_that_catches_is_struck_at_the_first_line_of_its_try(shop: Driver) -> None:
    task_id = shop.send("shop.catches", body={"raises": "programming", "failing_attempts": 1})
    assert shop.outcome(task_id).kind == "task-succeeded"
    assert shop.stored(task_id)["result"] == "caught TypeError, value was before"


@pytest.mark.parametrize(
    ("task", "value"),
    [("shop.constant_at_last", "caught"), ("shop.closing", ["caught", 3])],
)
def test_a_try_in_which_nothing_can_raise_is_struck_inside_as_well(
    task: str, value: object, shop: Driver
) -> None:
    """CPython guards no such block; without orders it does what it did."""
    plain = shop.result(task)
    assert plain == (None if task == "shop.closing" else "sold")
    task_id = shop.send(task, body={"raises": "filesystem", "failing_attempts": 1})
    assert shop.outcome(task_id).kind == "task-succeeded"
    assert shop.stored(task_id)["result"] == value
    (struck,) = shop.events("fault-injected", task_id=task_id)
    assert struck.get("missed") is False


def test_a_failure_that_passes_by_the_try_says_so(shop: Driver) -> None:
    task_id = shop.send("shop.sourceless", body={"raises": "filesystem", "failing_attempts": 1})
    assert shop.outcome(task_id).kind == "task-failed"
    (struck,) = shop.events("fault-injected", task_id=task_id)
    assert struck.get("missed") is True
    plain = shop.send("shop.plain", body={"raises": "filesystem", "failing_attempts": 1})
    shop.outcome(plain)
    assert [event.get("missed") for event in shop.events("fault-injected", task_id=plain)] == [False]


@pytest.mark.parametrize(
    ("task", "delay_s"), [("shop.auto", 10), ("shop.by_hand", 30), ("shop.constant", 30)]
)
def test_the_first_attempts_fail_and_are_retried_as_the_task_says(
    task: str, delay_s: float, shop: Driver
) -> None:
    """Through ``autoretry_for``, and through the body's own ``except: raise self.retry()``."""
    task_id = shop.send(task, body={"raises": "filesystem", "failing_attempts": 2})
    assert shop.outcome(task_id).kind == "task-retried" or shop.events("task-retried", task_id=task_id)
    shop.until(lambda: shop.events("task-succeeded", task_id=task_id), "success at the third attempt")
    retried = shop.events("task-retried", task_id=task_id)
    assert [event.get("retries") for event in retried] == [0, 1]
    assert [event.get("countdown_s") for event in retried] == pytest.approx([delay_s] * 2, abs=5)
    started = [event.at_s for event in shop.events("task-started", task_id=task_id)]
    assert all(delay_s - 0.5 <= b - a < delay_s + 15 for a, b in pairwise(started))


def test_a_failure_that_is_not_among_the_retried_ones_ends_the_task(shop: Driver) -> None:
    task_id = shop.send("shop.auto", body={"raises": "programming"})
    assert shop.outcome(task_id).kind == "task-failed"
    assert not shop.events("task-retried", task_id=task_id)


def test_a_decorated_function_is_struck_inside_its_decorator(shop: Driver) -> None:
    task_id = shop.send("shop.decorated", body={"raises": "programming", "failing_attempts": 1})
    shop.outcome(task_id)
    assert shop.stored(task_id)["result"] == "caught by the decorator"


def test_a_task_class_with_a_call_of_its_own_keeps_it(shop: Driver) -> None:
    assert shop.result("shop.own_call") == ["called", 1]


@pytest.mark.parametrize("task", ["shop.plain", "shop.generator"])
def test_without_orders_a_body_is_as_it_was(task: str, shop: Driver) -> None:
    task_id = shop.send(task)
    assert shop.outcome(task_id).kind == "task-succeeded"
    entered, left = shop.events("body-entered", "body-left", task_id=task_id)
    assert (entered.kind, left.kind, left.get("error_type")) == ("body-entered", "body-left", None)


def test_a_stub_stands_in_and_returns_as_much_as_ordered(shop: Driver) -> None:
    task_id = shop.send("shop.catches", body={"stub": True, "returns_bytes": 70})
    assert shop.outcome(task_id).kind == "task-succeeded"
    assert shop.stored(task_id)["result"] == "x" * 70


def test_a_stub_fails_inside_the_task_s_own_function(shop: Driver) -> None:
    """Where a failure is ordered the own function runs up to it: its ``except`` is part of what is judged."""
    task_id = shop.send("shop.by_hand", body={"stub": True, "raises": "mail", "failing_attempts": 1})
    shop.until(lambda: shop.events("task-succeeded", task_id=task_id), "success at the second attempt")
    assert kinds(shop, task_id, "task-retried") == ["task-retried"]


def test_a_child_dies_in_its_first_attempt_and_the_task_comes_back(shop: Driver) -> None:
    task_id = shop.send("shop.plain", 5, body={"dies": True, "failing_attempts": 1, "hold_s": 1.0})
    shop.until(lambda: shop.events("child-lost", task_id=task_id), "the loss of a child")
    (lost,) = shop.events("child-lost", task_id=task_id)
    assert (lost.get("worker"), lost.source.partition(":")[0]) == ("main", "worker")
    entered = shop.events("body-entered", task_id=task_id)
    assert entered, "what the child wrote survived its SIGKILL"


def test_a_body_holds_on_the_stage_s_clock(shop: Driver) -> None:
    task_id = shop.send("shop.plain", body={"hold_s": 100.0})
    shop.outcome(task_id)
    entered, left = (event.at_s for event in shop.events("body-entered", "body-left", task_id=task_id))
    assert left - entered == pytest.approx(100.0, abs=30.0)


def test_a_body_lingers_after_its_work_and_before_celery_hears_of_it(shop: Driver) -> None:
    task_id = shop.send("shop.plain", body={"lingers_s": 50.0})
    end = shop.outcome(task_id)
    (left,) = shop.events("body-left", task_id=task_id)
    assert end.at_s - left.at_s == pytest.approx(50.0, abs=30.0)


def test_a_rejected_task_is_recorded_as_rejected_and_not_given_back(shop: Driver) -> None:
    """Celery 5.7 stores a failure for it (`celery/worker/request.py`), older ones store nothing."""
    task_id = shop.send("shop.plain", body={"stub": True, "rejects": True, "failing_attempts": 1})
    shop.until(lambda: shop.events("message-rejected", task_id=task_id), "the rejection")
    (rejected,) = shop.events("message-rejected", task_id=task_id)
    assert rejected.get("requeue") is False
    assert {event.get("status") for event in shop.events("result-stored", task_id=task_id)} <= {"FAILURE"}


@pytest.mark.parametrize(
    ("orders", "limit_s", "error_type"),
    [({}, 5.0, "SoftTimeLimitExceeded"), ({"ignores_soft": True}, 20.0, "TimeLimitExceeded")],
)
def test_a_soft_limit_ends_a_wait_unless_the_body_ignores_it(
    orders: dict[str, Any], limit_s: float, error_type: str, shop: Driver
) -> None:
    task_id = shop.send("shop.limited", body={"hold_s": 200.0, **orders})
    end = shop.outcome(task_id)
    (started,) = shop.events("task-started", task_id=task_id)
    assert (end.kind, end.get("error_type")) == ("task-failed", error_type)
    assert limit_s - 0.5 <= end.at_s - started.at_s < limit_s + 14


def test_orders_by_glob_hold_until_they_are_withdrawn_and_those_for_one_task_go_first(shop: Driver) -> None:
    withdraw = shop.world.order_bodies("shop.pl*", {"raises": "mail", "failing_attempts": 9})
    try:
        assert shop.outcome(shop.send("shop.plain")).kind == "task-failed"
        assert shop.outcome(shop.send("shop.plain", body={"stub": True})).kind == "task-succeeded"
        assert shop.outcome(shop.send("shop.generator")).kind == "task-succeeded"
    finally:
        withdraw()
    assert shop.outcome(shop.send("shop.plain")).kind == "task-succeeded"


def test_a_task_that_is_calmed_does_nothing_and_succeeds_from_its_next_run_on(shop: Driver) -> None:
    task_id = shop.send("shop.auto", body={"raises": "filesystem"})
    shop.until(lambda: shop.events("task-retried", task_id=task_id), "a retry")
    shop.world.calm(task_id)
    shop.until(lambda: shop.events("task-succeeded", task_id=task_id), "success")
    assert len(shop.events("task-retried", task_id=task_id)) == 1
