"""What is recorded of a plain app on stock workers: each life from its publish to its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.broker import Availability
from tests.driver import Driver, contract_for, missing, opened

SHOP = """
from celery import Celery

app = Celery("shop", broker="redis://127.0.0.1:1/0", backend="redis://127.0.0.1:1/1")
app.conf.update(result_expires=600, result_compression="gzip", task_track_started=False)

@app.task(name="shop.sell")
def sell(n=0):
    return "x" * n

@app.task(name="shop.fail")
def fail():
    raise ValueError("no stock")

@app.task(name="shop.ladder", bind=True, max_retries=2)
def ladder(self):
    raise self.retry(exc=OSError("refused"), countdown=10 * 2**self.request.retries)

@app.task(name="shop.opened")
def opened():
    sell.delay(3)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """One stage for all tests of this file."""
    with opened(tmp_path_factory.mktemp("shop"), {"shop.py": SHOP}, contract_for("shop.*")) as driver:
        yield driver


def life(shop: Driver, task_id: str) -> list[str]:
    """Kinds in order of time, without what the body itself says."""
    shop.world.events()
    events = [event for event in shop.world.events() if event.task_id == task_id]
    return [event.kind for event in events if not event.kind.startswith("body-")]


def settled(shop: Driver, task_id: str, kind: str = "message-acked") -> None:
    shop.until(lambda: shop.events(kind, task_id=task_id), f"{kind} of {task_id}")


def test_a_success_has_every_step_once_and_in_order(shop: Driver) -> None:
    task_id = shop.send("shop.sell", 1)
    shop.outcome(task_id)
    settled(shop, task_id)
    kinds = life(shop, task_id)
    once = {"task-sent", "message-published", "message-delivered", "task-received", "message-acked"}
    once |= {"task-started", "task-succeeded", "result-stored"}
    assert sorted(kinds) == sorted(once)
    order = ["task-sent", "message-delivered", "task-received", "task-started", "task-succeeded"]
    assert [kind for kind in kinds if kind in order] == order
    (sent,) = shop.events("task-sent", task_id=task_id)
    assert (sent.get("queue"), sent.get("args"), sent.source.partition(":")[0]) == ("celery", [1], "client")
    (started,) = shop.events("task-started", task_id=task_id)
    assert (started.get("worker"), started.get("retries")) == ("main", 0)
    assert started.source.startswith("child:main:")


def test_a_ladder_of_retries_is_recorded_with_its_delays_to_exhaustion(shop: Driver) -> None:
    task_id = shop.send("shop.ladder")
    shop.until(lambda: shop.events("task-failed", task_id=task_id), "the end of the ladder")
    retried = shop.events("task-retried", task_id=task_id)
    assert [event.get("retries") for event in retried] == [0, 1]
    assert [event.get("countdown_s") for event in retried] == pytest.approx([10, 20], abs=4.9)
    assert {event.get("error_type") for event in retried} == {"OSError"}
    sent = shop.events("task-sent", task_id=task_id)
    assert [event.get("retries") for event in sent] == [0, 1, 2]
    assert [event.get("eta_s") for event in sent[1:]] == pytest.approx(
        [event.at_s + event.get("countdown_s") for event in sent[1:]], abs=0.01
    )
    (failed,) = shop.events("task-failed", task_id=task_id)
    assert (failed.get("error_type"), failed.get("where")) == ("OSError", "child")


def test_a_failure_is_recorded_once_with_its_error(shop: Driver) -> None:
    task_id = shop.send("shop.fail")
    shop.outcome(task_id)
    (failed,) = shop.events("task-failed", task_id=task_id)
    assert (failed.get("error_type"), failed.get("error")) == ("ValueError", "ValueError('no stock')")


def test_a_task_that_expired_is_revoked_and_never_started(shop: Driver) -> None:
    task_id = shop.send("shop.sell", expires=-1)
    shop.until(lambda: shop.events("task-revoked", task_id=task_id), "the revocation")
    (revoked,) = shop.events("task-revoked", task_id=task_id)
    assert (revoked.get("expired"), revoked.get("terminated")) == (True, False)
    assert not shop.events("task-started", task_id=task_id)


def test_a_task_that_the_worker_does_not_know_is_recorded_by_its_name(shop: Driver) -> None:
    task_id = shop.send("shop.nobody")
    shop.until(lambda: shop.events("task-unknown", task_id=task_id), "the unknown task")
    (unknown,) = shop.events("task-unknown", task_id=task_id)
    assert unknown.task == "shop.nobody"


def test_a_result_is_recorded_with_its_life_size_and_serializer(shop: Driver) -> None:
    """Size and life are those that the server holds."""
    task_id = shop.send("shop.sell", 20_000)
    shop.outcome(task_id)
    (stored,) = shop.events("result-stored", task_id=task_id)
    assert stored.get("status") == "SUCCESS"
    assert stored.get("ttl_s") == pytest.approx(600, abs=60)
    assert stored.get("serializer") == "json"
    assert stored.get("size_bytes") == shop.inner.results.client.strlen(f"celery-task-meta-{task_id}")


def test_a_compressed_result_is_recorded_as_such(shop: Driver) -> None:
    """`result_compression` is new in Celery 5.7; older ones ignore it, and then it is recorded as plain."""
    task_id = shop.send("shop.sell", 20_000)
    shop.outcome(task_id)
    (stored,) = shop.events("result-stored", task_id=task_id)
    assert stored.get("compressed") is (stored.get("size_bytes") < 20_000)
    if tuple(map(int, shop.world.versions["celery"].split(".")[:2])) >= (5, 7):
        assert stored.get("compressed")


def test_a_task_that_the_app_sends_itself_is_nobody_s_experiment_and_has_a_parent(shop: Driver) -> None:
    parent = shop.send("shop.opened")
    shop.outcome(parent)
    (child,) = [event for event in shop.events("task-sent") if event.get("parent") == parent]
    assert (child.task, child.get("experiment")) == ("shop.sell", None)
    assert child.task_id
    assert shop.outcome(child.task_id).kind == "task-succeeded"


def test_a_child_that_is_lost_is_recorded_by_its_worker(shop: Driver) -> None:
    task_id = shop.send("shop.sell", body={"hold_s": 5.0, "dies": True})
    shop.until(lambda: shop.events("child-lost", task_id=task_id), "the loss")
    (lost,) = shop.events("child-lost", task_id=task_id)
    assert lost.source.startswith("worker:main:")
    failed = shop.outcome(task_id)
    assert (failed.kind, failed.get("error_type"), failed.get("where")) == (
        "task-failed", "WorkerLostError", "worker",
    )  # fmt: skip


def test_a_worker_says_what_it_consumes(shop: Driver) -> None:
    ready = shop.events("worker-ready")[0]
    assert (ready.get("worker"), ready.get("queues"), ready.get("pool")) == ("main", ["celery"], "prefork")
    assert ready.get("concurrency") == 2


def test_a_publish_that_the_broker_does_not_take_is_recorded_and_no_publish_is(shop: Driver) -> None:
    """By a client that has published before: its first connection is tried until it is made (kombu)."""
    assert shop.outcome(shop.send("shop.sell")).kind == "task-succeeded"
    shop.world.broker.kill()
    try:
        task_id = shop.send("shop.sell", retry=False)
    finally:
        shop.world.broker.start()
    (failed,) = shop.events("publish-failed", task_id=task_id)
    assert failed.get("error_type") == "OperationalError"
    assert not shop.events("message-published", task_id=task_id)
    assert shop.outcome(shop.send("shop.sell")).kind == "task-succeeded"


def test_a_service_that_is_missing_skips_here_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Availability(False, "there is no server", "apt-get install server")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install server"):
        missing(absent)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install server"):
        missing(absent)
