"""Records what Celery does in this process, through its signals and the few calls that have none.

Sources: signals as documented in ``docs/userguide/signals.rst``; acknowledgements at
`kombu.message.Message`; deliveries at `Consumer.create_task_handler`
(`celery/worker/consumer/consumer.py`); results at `BaseKeyValueStoreBackend._set_with_state`
(`celery/backends/base.py`); lost children at `Request.on_failure` (`celery/worker/request.py`).
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from harness.probe.body import Bodies
from harness.probe.record import Recorder, bounded, own_pid, plain

Context = Callable[[str], dict[str, Any]]


class Observer:
    """Connects a recorder to Celery."""

    def __init__(self, recorder: Recorder, bodies: Bodies) -> None:
        self.recorder = recorder
        self.bodies = bodies
        self.main = os.getpid()
        self.sending: dict[str, Any] = {}
        """What the client says of the task that it is sending (experiment, body)."""

    def install(self) -> None:
        """Before the app is imported; the receivers are held strongly."""
        from celery import signals

        for name, receiver in {
            "before_task_publish": self._sent,
            "after_task_publish": self._published,
            "task_received": self._received,
            "task_prerun": self._started,
            "task_retry": self._retried,
            "task_success": self._succeeded,
            "task_failure": self._failed,
            "task_revoked": self._revoked,
            "task_unknown": self._unknown,
            "task_internal_error": self._internal_error,
            "worker_process_init": self._became_child,
            "worker_ready": self._ready,
            "worker_shutdown": self._stopped,
        }.items():
            getattr(signals, name).connect(receiver, weak=False, dispatch_uid=f"celery-harness-{name}")
        self._wrap_tracer()
        self._wrap_messages()
        self._wrap_deliveries()
        self._wrap_lost_children()
        self._wrap_results()

    def _sent(
        self, sender: Any, body: Any, exchange: Any, routing_key: Any, headers: Any, properties: Any,
        declare: Any = None, **_: Any,
    ) -> None:  # fmt: skip
        headers = headers or {}
        args, kwargs = (body[0], body[1]) if isinstance(body, tuple | list) and len(body) == 3 else ((), {})
        queue = next((q.name for q in declare or () if getattr(q, "name", None)), routing_key)
        self.recorder.write(
            "task-sent", headers.get("id"), str(sender), queue=queue, exchange=str(exchange or ""),
            routing_key=routing_key, priority=(properties or {}).get("priority"),
            retries=headers.get("retries") or 0, countdown_s=_until(headers.get("eta")),
            expires_s=_until(headers.get("expires")), args=plain(list(args)), kwargs=plain(dict(kwargs)),
            parent=headers.get("parent_id"), **self.sending,
        )  # fmt: skip

    def _published(self, sender: Any, headers: Any = None, routing_key: Any = None, **_: Any) -> None:
        headers = headers or {}
        retries = headers.get("retries") or 0
        self.recorder.write(
            "message-published", headers.get("id"), str(sender), queue=routing_key, retries=retries
        )

    def _received(self, request: Any, **_: Any) -> None:
        retries = (request.request_dict or {}).get("retries") or 0
        self.recorder.write(
            "task-received", request.id, request.name, retries=retries, countdown_s=_until(request.eta)
        )

    def _started(self, task_id: str, task: Any, **_: Any) -> None:
        request = task.request
        delivery = request.delivery_info or {}
        self.recorder.write(
            "task-started", task_id, task.name, retries=request.retries or 0, pid=own_pid(),
            queue=delivery.get("routing_key"), redelivered=bool(delivery.get("redelivered")),
            priority=delivery.get("priority"), worker=self.recorder.role.partition(":")[2],
        )  # fmt: skip

    def _retried(self, sender: Any, request: Any, reason: Any, **_: Any) -> None:
        when = getattr(reason, "when", None)
        countdown_s = _until(when) if isinstance(when, datetime) else when
        cause = getattr(reason, "exc", None)
        self.recorder.write(
            "task-retried", request.id, sender.name, retries=request.retries or 0, countdown_s=countdown_s,
            error=bounded(cause), error_type=type(cause).__name__,
        )  # fmt: skip

    def _succeeded(self, sender: Any, **_: Any) -> None:
        request = sender.request
        self.recorder.write("task-succeeded", request.id, sender.name, retries=request.retries or 0)

    def _failed(self, sender: Any, task_id: str, exception: Any, **_: Any) -> None:
        where = "child" if self.recorder.role.startswith("child") else "worker"
        self.recorder.write(
            "task-failed", task_id, getattr(sender, "name", None), where=where,
            error=bounded(exception), error_type=type(exception).__name__,
        )  # fmt: skip

    def _revoked(
        self, sender: Any, request: Any, terminated: Any = None, expired: Any = None, **_: Any
    ) -> None:
        name = getattr(sender, "name", None)
        self.recorder.write(
            "task-revoked", request.id, name, terminated=bool(terminated), expired=bool(expired)
        )

    def _unknown(self, name: Any, exc: Any, **more: Any) -> None:
        self.recorder.write("task-unknown", more.get("id"), name, error=bounded(exc))

    def _internal_error(self, sender: Any, task_id: str, exception: Any, **_: Any) -> None:
        self.recorder.write(
            "task-internal-error", task_id, getattr(sender, "name", None), error=bounded(exception),
            error_type=type(exception).__name__,
        )  # fmt: skip

    def _became_child(self, **_: Any) -> None:
        # The pool `solo` sends this signal in the main process itself (`celery/concurrency/solo.py`).
        if self.recorder.role.startswith("worker") and os.getpid() != self.main:
            self.recorder.become("child" + self.recorder.role.removeprefix("worker"))

    def _ready(self, sender: Any, **_: Any) -> None:
        app = sender.app
        self.recorder.write(
            "worker-ready", worker=self.recorder.role.partition(":")[2], pid=own_pid(),
            queues=sorted(app.amqp.queues.consume_from), pool=type(sender.pool).__module__.rpartition(".")[2],
            concurrency=getattr(sender.pool, "limit", None),
        )  # fmt: skip

    def _stopped(self, **_: Any) -> None:
        self.recorder.write("worker-stopped", worker=self.recorder.role.partition(":")[2], pid=own_pid())

    def _wrap_tracer(self) -> None:
        from celery.app import trace

        original = trace.build_tracer

        @functools.wraps(original)
        def build_tracer(name: str, task: Any, *args: Any, **kwargs: Any) -> Any:
            self.bodies.wrap(task)
            return original(name, task, *args, **kwargs)

        trace.build_tracer = build_tracer

    def _wrap_messages(self) -> None:
        from kombu.message import Message

        def wrap(method: str, kind: str, **fixed: Any) -> None:
            original = getattr(Message, method)

            @functools.wraps(original)
            def settled(this: Any, *args: Any, **kwargs: Any) -> Any:
                done = original(this, *args, **kwargs)
                headers = this.headers or {}
                if "id" in headers and "task" in headers:
                    info = this.delivery_info or {}
                    data = (
                        {"requeue": bool(args[0] if args else kwargs.get("requeue"))}
                        if method == "reject"
                        else {}
                    )
                    self.recorder.write(
                        kind, headers["id"], headers["task"], queue=info.get("routing_key"),
                        delivery_tag=plain(this.delivery_tag), **{**data, **fixed},
                    )  # fmt: skip
                return done

            setattr(Message, method, settled)

        wrap("ack", "message-acked")
        wrap("reject", "message-rejected")
        wrap("requeue", "message-rejected", requeue=True)

    def _wrap_deliveries(self) -> None:
        from celery.worker.consumer import Consumer

        original = Consumer.create_task_handler

        @functools.wraps(original)
        def create_task_handler(this: Any, *args: Any, **kwargs: Any) -> Any:
            handler = original(this, *args, **kwargs)

            @functools.wraps(handler)
            def on_task_received(message: Any) -> Any:
                headers = message.headers or {}
                info = message.delivery_info or {}
                self.recorder.write(
                    "message-delivered", headers.get("id"), headers.get("task"),
                    queue=info.get("routing_key"),
                    priority=(message.properties or {}).get("priority"),
                    redelivered=bool(info.get("redelivered")),
                    delivery_tag=plain(message.delivery_tag), worker=self.recorder.role.partition(":")[2],
                )  # fmt: skip
                return handler(message)

            return on_task_received

        Consumer.create_task_handler = create_task_handler

    def _wrap_lost_children(self) -> None:
        from billiard.exceptions import WorkerLostError
        from celery.worker.request import Request

        original = Request.on_failure

        @functools.wraps(original)
        def on_failure(this: Any, exc_info: Any, *args: Any, **kwargs: Any) -> Any:
            # Billiard pickles an error together with its traceback (`billiard.einfo.ExceptionWithTraceback`).
            error = getattr(exc_info.exception, "exc", exc_info.exception)
            if isinstance(error, WorkerLostError):
                self.recorder.write(
                    "child-lost", this.id, this.name, worker=self.recorder.role.partition(":")[2],
                    error=bounded(error),
                )  # fmt: skip
            return original(this, exc_info, *args, **kwargs)

        Request.on_failure = on_failure

    def _wrap_results(self) -> None:
        from celery.backends import base

        kinds: list[Any] = [base.BaseKeyValueStoreBackend]
        with suppress(ImportError):
            from celery.backends.redis import RedisBackend

            kinds.append(RedisBackend)
        for kind in kinds:
            if "_set_with_state" in vars(kind):
                self._wrap_result_store(kind)

    def _wrap_result_store(self, kind: Any) -> None:
        original = kind._set_with_state

        @functools.wraps(original)
        def set_with_state(this: Any, key: Any, value: Any, state: str) -> Any:
            stored = original(this, key, value, state)
            name = key.decode() if isinstance(key, bytes) else str(key)
            task_id = name.removeprefix(_text(this.task_keyprefix))
            self.recorder.write(
                "result-stored", task_id, status=state, key=name, size_bytes=len(value),
                ttl_s=_ttl_s(this, key),
                compressed=_text(value[:64]).startswith("\x00celery-compressed\x00"),
                compression=this.app.conf.get("result_compression"), serializer=this.serializer,
            )  # fmt: skip
            return stored

        kind._set_with_state = set_with_state


def _ttl_s(backend: Any, key: Any) -> float | None:
    """The remaining life of a stored result as the server tells it; None: it never expires."""
    client: Any = getattr(backend, "client", None)
    if not hasattr(client, "pttl"):
        return None
    left_ms = int(client.pttl(key))
    return round(left_ms / 1000, 3) if left_ms >= 0 else None


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _until(moment: Any) -> float | None:
    """Seconds from now to a moment as Celery writes it: a datetime or ISO 8601 text."""
    if moment is None:
        return None
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            return None
    if not isinstance(moment, datetime):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(float(moment.timestamp()) - time.time(), 3)
