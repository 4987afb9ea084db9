"""What the proxy did to single commands, as far as it explains what became of a task."""

from __future__ import annotations

from harness.checker import Finding, broken
from harness.checkers._evidence import cited
from harness.history import Event, History
from harness.lives import Life

SILENT_AFTER_S = 120.0
"""A worker that takes nothing for so long has fallen silent: Redis restores what was not acknowledged every
100 s, and then somebody has to take it (`kombu/transport/redis.py: unacked_restore_throttle`)."""

ACKNOWLEDGING = ("ZREM", "HDEL", "MULTI", "EXEC")
"""Commands of an acknowledgement on Redis (`kombu/transport/redis.py: _remove_from_indices`)."""


def on_its_way(life: Life, read: Event, history: History) -> Finding | None:
    """The finding on a task whose message was struck, and that neither a queue nor a worker has."""
    struck = [e for e in history.of("fault-struck") if life.task_id in (e.get("concerns") or ())]
    if not struck:
        return None
    command, step = struck[-1].get("command"), struck[-1].get("step")
    if command == "BRPOP":
        mend = (
            "take RabbitMQ, which delivers again what was not acknowledged; Redis has forgotten what BRPOP "
            "gave out (kombu/transport/redis.py), so watch for tasks that never report a result"
        )
    else:
        mend = "set broker_transport_options confirm_publish = True, so that such a publish is repeated"
    return broken(
        f"{life.task} was published and reached neither a queue nor a worker",
        cited(life.story, struck, [read]),
        blame=f"its message was lost on its way: {command}, {step}",
        mend=mend,
    )


def fallen_silent(life: Life, queue: str, read: Event, history: History) -> Finding | None:
    """The finding on a task that waits for workers which have taken nothing since a command was struck."""
    struck = [e for e in history.of("fault-struck") if e.get("link") == "broker" and e.at_s < read.at_s]
    if not struck or life.sent is None or read.at_s - struck[-1].at_s < SILENT_AFTER_S:
        return None
    taken = [e for e in history.of("message-delivered", "task-received") if e.at_s > struck[-1].at_s]
    if any(e.get("queue") in (queue, None) for e in taken):
        return None
    command, step = struck[-1].get("command"), struck[-1].get("step")
    silent_s = read.at_s - struck[-1].at_s
    blame = f"a worker's connection was lost at {command}, {step}"
    if command in ACKNOWLEDGING:
        blame += (
            "; a message whose acknowledgement failed keeps its place among those that may be prefetched "
            "for ever (kombu/transport/virtual/base.py: QoS.can_consume)"
        )
    return broken(
        f"{life.task} sits in queue {queue}, whose workers have taken nothing for {silent_s:.0f} s",
        cited(life.story, struck, [read]),
        blame=blame,
        mend="worker_prefetch_multiplier = 0 on Redis, or RabbitMQ; restart a worker that takes nothing",
    )
