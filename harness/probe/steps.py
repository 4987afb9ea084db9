"""Protocol steps of tasks, and faults that strike before or after one of them.

A step is a moment at which a task's life depends on another process: its publish, its delivery, its
acknowledgement or rejection, the storing of a result, a command to the app's cache, the beginning and the end
of its body. `Steps` counts them by kind and task; a plan says at which count what is done.

A task is named by its id where the plan knows it (the workload's own tasks), else by the task's name.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

KINDS = ("publish", "deliver", "ack", "reject", "result", "cache", "body-begin", "body-end")
CLOCK_STEPS = {"clock_ahead": 3600.0, "clock_back": -3600.0}
"""Actions that step the wall clock of everybody, and by how many seconds; the monotonic clock goes on."""
ACTIONS = (
    "kill_worker",
    "kill_child",
    "drop_connections",
    "fail",
    "lose_reply",
    "duplicate",
    "delay",
    *CLOCK_STEPS,
)
WHERE = {
    kind: (*actions, *CLOCK_STEPS)
    for kind, actions in {
        "publish": (
            "kill_worker", "kill_child", "drop_connections", "fail", "lose_reply", "duplicate", "delay",
        ),
        "deliver": ("kill_worker", "drop_connections", "delay"),
        "ack": ("kill_worker", "drop_connections", "lose_reply", "delay"),
        "reject": ("kill_worker", "drop_connections", "lose_reply", "delay"),
        "result": ("kill_worker", "kill_child", "fail", "lose_reply", "delay"),
        "cache": ("kill_worker", "kill_child", "fail", "lose_reply", "delay"),
        "body-begin": ("kill_worker", "kill_child", "delay"),
        "body-end": ("kill_worker", "kill_child", "delay"),
    }.items()
}  # fmt: skip
"""Which actions make sense at a step: a main process has no child to kill at its own steps."""

DELAY_S = 200.0


@dataclass(frozen=True, slots=True)
class Point:
    """The `nth` step (from 0) of a kind of one task: what is done `when` (before, after), and what."""

    kind: str
    task: str
    nth: int
    when: str
    action: str


Drop = Callable[[], None]


class Steps:
    """Counts steps and carries out a plan."""

    def __init__(self, report: Callable[..., None]) -> None:
        self.report = report
        self.plan: dict[tuple[str, str, int], list[Point]] = {}
        self.known: set[str] = set()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.seen: list[tuple[str, str, int, str]] = []
        """(kind, task, nth, role) of every step, for who wants to strike at each."""
        self.role: Callable[[], str] = lambda: ""
        self.drop: Drop = lambda: None
        self.kill_worker: Drop = lambda: None
        self.kill_child: Drop = lambda: None
        self.step_wall: Callable[[float], None] = _no_clock
        """Steps the wall clock by so many seconds, where whoever runs the steps has hold of it."""
        self.redis = True
        """Whether the broker is Redis: whose client says that a connection is lost."""

    def follow(self, points: Iterable[Mapping[str, Any]], known: Iterable[str]) -> None:
        """From now on this plan holds; counting begins anew. `known` are the ids that it may name."""
        self.counts.clear()
        self.seen.clear()
        self.known = set(known)
        self.plan = {}
        for each in points:
            point = Point(**each)
            self.plan.setdefault((point.kind, point.task, point.nth), []).append(point)

    def around(self, kind: str, task_id: str | None, name: str | None, act: Callable[[], Any]) -> Any:
        """Do what the step does, and what the plan wants done before and after it."""
        label = task_id if task_id in self.known else name
        if label is None:
            return act()
        nth = self.count(kind, label)
        self.seen.append((kind, label, nth, self.role()))
        points = self.plan.get((kind, label, nth), ())
        for point in points:
            if point.when == "before":
                self._strike(point, act)
        answer = act()
        for point in points:
            if point.when == "after":
                self._strike(point, act)
        return answer

    def count(self, kind: str, label: str) -> int:
        """The number of this step, counted from 0."""
        nth = self.counts[kind, label]
        self.counts[kind, label] += 1
        return nth

    def _strike(self, point: Point, act: Callable[[], Any]) -> None:
        self.report(
            "fault-injected", fault=point.action,
            settings={"at": f"{point.when} {point.kind} {point.nth} of {point.task}"},
        )  # fmt: skip
        if point.action == "kill_worker":
            self.kill_worker()
        elif point.action == "kill_child":
            self.kill_child()
        elif point.action == "drop_connections":
            self.drop()
        elif point.action == "duplicate":
            act()
        elif point.action == "delay":
            time.sleep(DELAY_S)
        elif point.action in CLOCK_STEPS:
            self.step_wall(CLOCK_STEPS[point.action])
        else:
            raise self.lost(point.kind, f"ordered by the harness: {point.action}")

    def lost(self, kind: str, text: str) -> Exception:
        """What the client library raises where the connection is lost at such a step."""
        if self.redis or kind in ("cache", "result"):
            from redis.exceptions import ConnectionError as Lost

            return Lost(text)
        return ConnectionResetError(104, text)

    def install(self) -> None:
        """Before anything else wraps the same calls."""
        from celery.backends import base
        from celery.worker.consumer import Consumer
        from kombu.message import Message
        from kombu.messaging import Producer

        self._wrap_publish(Producer)
        self._wrap_settling(Message)
        self._wrap_delivery(Consumer)
        self._wrap_results(base.BaseKeyValueStoreBackend)

    def _wrap_publish(self, kind: Any) -> None:
        original = kind._publish

        @functools.wraps(original)
        def publish(this: Any, body: Any, priority: Any, content_type: Any, encoding: Any, headers: Any, *rest: Any, **more: Any) -> Any:  # fmt: skip  # noqa: E501
            given = headers or {}
            act = functools.partial(
                original, this, body, priority, content_type, encoding, headers, *rest, **more
            )
            return self.around("publish", given.get("id"), given.get("task"), act)

        kind._publish = publish

    def _wrap_settling(self, kind: Any) -> None:
        for method, step in (("ack", "ack"), ("reject", "reject"), ("requeue", "reject")):
            original = getattr(kind, method)

            def settle(
                this: Any, *args: Any, _original: Any = original, _step: str = step, **more: Any
            ) -> Any:
                headers = this.headers or {}
                act = functools.partial(_original, this, *args, **more)
                return self.around(_step, headers.get("id"), headers.get("task"), act)

            setattr(kind, method, functools.wraps(original)(settle))

    def _wrap_delivery(self, kind: Any) -> None:
        original = kind.create_task_handler

        @functools.wraps(original)
        def create_task_handler(this: Any, *args: Any, **more: Any) -> Any:
            handler = original(this, *args, **more)

            @functools.wraps(handler)
            def on_task_received(message: Any) -> Any:
                headers = message.headers or {}
                act = functools.partial(handler, message)
                return self.around("deliver", headers.get("id"), headers.get("task"), act)

            return on_task_received

        kind.create_task_handler = create_task_handler

    def _wrap_results(self, kind: Any) -> None:
        original = kind._store_result

        @functools.wraps(original)
        def store(this: Any, task_id: Any, result: Any, state: Any, *args: Any, **more: Any) -> Any:
            request = more.get("request")
            act = functools.partial(original, this, task_id, result, state, *args, **more)
            return self.around("result", str(task_id), getattr(request, "task", None), act)

        kind._store_result = store

    def wrap_cache(self, port: int | None) -> None:
        """Commands of bodies to the cache are steps; those of Celery's own backends and brokers are not."""
        from celery import current_task
        from redis import client

        kind: Any = client.Redis
        original = kind.execute_command

        def execute_command(this: Any, *args: Any, **options: Any) -> Any:
            if this.connection_pool.connection_kwargs.get("port") != port or not current_task:
                return original(this, *args, **options)
            task = current_task._get_current_object()
            act = functools.partial(original, this, *args, **options)
            return self.around("cache", task.request.id, task.name, act)

        kind.execute_command = execute_command


def _no_clock(seconds: float) -> None:
    raise RuntimeError(f"nobody here can step the clock by {seconds:g} s at a protocol step")
