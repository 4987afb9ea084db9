"""An app that has been loaded is changed in memory."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery, signals
from celery.exceptions import Retry
from kombu.entity import Queue

from harness.probe.edits import apply

pytestmark = pytest.mark.filterwarnings("ignore::celery.exceptions.CDeprecationWarning")  # Celery's own


@pytest.fixture
def app() -> Any:
    """An app with a task that is retried."""
    found = Celery("shop", broker="memory://", backend="cache+memory://", set_as_current=False)
    make: Any = Queue
    found.conf.update(task_acks_late=True, task_queues=(make("a"), make("b", queue_arguments={"x": 1})))

    @found.task(  # type: ignore[untyped-decorator]
        shared=False, name="shop.sell", acks_late=True, autoretry_for=(OSError,), retry_backoff=2
    )  # fmt: skip
    def sell() -> None:
        raise OSError

    found.finalize()
    assert sell.name == "shop.sell"
    return found


def test_a_setting_reaches_the_tasks_that_took_it_over(app: Any) -> None:
    edit = {"do": "conf", "name": "task_acks_late", "value": False, "tasks": {"acks_late": ["shop.sell"]}}
    assert app.tasks["shop.sell"].acks_late is True
    apply(app, [edit])
    assert (app.conf.task_acks_late, app.tasks["shop.sell"].acks_late) == (False, False)


def test_a_dotted_name_reaches_into_a_dictionary_and_none_takes_it_out(app: Any) -> None:
    app.conf.broker_transport_options = {"visibility_timeout": 5, "other": 1}
    name = "broker_transport_options.visibility_timeout"
    apply(app, [{"do": "conf", "name": name, "value": 9}])
    assert app.conf.broker_transport_options == {"visibility_timeout": 9, "other": 1}
    apply(app, [{"do": "conf", "name": name, "value": None}])
    assert app.conf.broker_transport_options == {"other": 1}


def test_what_celery_closed_over_when_the_task_was_made_is_closed_over_again(app: Any) -> None:
    task = app.tasks["shop.sell"]
    with pytest.raises(Retry):
        task.apply(throw=True)
    edit = {"do": "task", "task": "shop.sell", "name": "dont_autoretry_for", "value": ["OSError"]}
    apply(app, [edit])
    with pytest.raises(OSError, match=r"^$"):
        task.apply(throw=True)


def test_a_route_comes_before_all_others(app: Any) -> None:
    app.conf.task_routes = {"shop.*": {"queue": "a"}}
    assert app.amqp.router.route({}, "shop.sell")["queue"].name == "a"
    apply(app, [{"do": "route", "task": "shop.sell", "queue": "b"}])
    assert app.amqp.router.route({}, "shop.sell")["queue"].name == "b"


def test_a_queue_is_not_declared_or_loses_an_argument(app: Any) -> None:
    apply(app, [{"do": "queue", "name": "b", "argument": "x"}])
    assert app.amqp.queues["b"].queue_arguments == {}
    apply(app, [{"do": "queue", "name": "a"}])
    assert list(app.amqp.queues) == ["b"]


def test_a_receiver_is_not_called_any_more(app: Any) -> None:
    called = []

    def on_failure(**_: Any) -> None:
        called.append(1)

    signals.task_failure.connect(on_failure, weak=False)
    try:
        signals.task_failure.send(sender=None)
        apply(app, [{"do": "receiver", "signal": "task_failure", "name": on_failure.__qualname__}])
        signals.task_failure.send(sender=None)
    finally:
        signals.task_failure.disconnect(on_failure)
    assert called == [1]


def test_what_a_task_remembers_of_its_options_is_forgotten(app: Any) -> None:
    """Celery keeps what it publishes a task with (celery/app/task.py, `_get_exec_options`)."""
    task = app.tasks["shop.sell"]
    assert "expires" not in {name for name, value in task._get_exec_options().items() if value is not None}
    apply(app, [{"do": "task", "task": "shop.sell", "name": "expires", "value": 5}])
    assert task._get_exec_options()["expires"] == 5
