"""What stock Celery does, one function each: run on two stages, the same history is to come out.

A function is named after what it shows, and its docstring is the row in `docs/conformance.md`. It ends when
all that it is about has happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from scenarios.conformance.script import Script

Play = Callable[[Script], None]
BROKERS = ("redis", "rabbitmq")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour and the brokers that it is about."""

    name: str
    play: Play
    brokers: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What it shows."""
        return (self.play.__doc__ or "").strip().partition("\n\n")[0].replace("\n    ", " ")


_found: dict[str, Behaviour] = {}
ALL: Mapping[str, Behaviour] = _found


def behaviour(*brokers: str) -> Callable[[Play], Play]:
    """Takes a function into the suite."""

    def take(play: Play) -> Play:
        _found[play.__name__] = Behaviour(play.__name__, play, brokers or BROKERS)
        return play

    return take


# Results and states


@behaviour()
def success(s: Script) -> None:
    """A task that returns is SUCCESS, with its value."""
    task = s.send("add", 1, 2)
    s.ended(task)
    s.outcome(task)


@behaviour()
def failure(s: Script) -> None:
    """A task that raises is FAILURE, with its error, acknowledged and not tried again."""
    task = s.send("boom")
    s.ended(task)
    s.outcome(task)


@behaviour()
def ignored_result(s: Script) -> None:
    """`ignore_result`: nothing is stored, and the state stays PENDING."""
    task = s.send("quiet", 1)
    s.ended(task)
    s.outcome(task)


@behaviour()
def ignored_result_when_sent(s: Script) -> None:
    """`apply_async(ignore_result=True)` does the same for one task."""
    task = s.send("add", 1, ignore_result=True)
    s.ended(task)
    s.outcome(task)


@behaviour()
def started_state(s: Script) -> None:
    """`track_started`: STARTED is stored before the body runs."""
    task = s.send("tracked", 1)
    s.ended(task)
    s.outcome(task)


@behaviour()
def ignore_raised(s: Script) -> None:
    """`Ignore` raised in a body: acknowledged, no state is stored."""
    task = s.send("shrug")
    s.seen("message-acked", task)
    s.passes(1)
    s.outcome(task)


@behaviour()
def result_that_cannot_be_encoded(s: Script) -> None:
    """A value that the serializer refuses makes the task FAILURE."""
    task = s.send("unpicklable")
    s.ended(task)
    s.fact("state", s.ask("state_of", task_id=task).split()[0])


@behaviour()
def result_expires(s: Script) -> None:
    """`result_expires`: after 15 minutes the result is gone, and its state PENDING again."""
    task = s.send("add", 4)
    s.ended(task)
    s.passes(880)
    s.outcome(task, "just before")
    s.passes(40)
    s.outcome(task, "after")


@behaviour()
def result_forgotten(s: Script) -> None:
    """`forget` removes a result."""
    task = s.send("add", 5)
    s.ended(task)
    s.fact("state", s.ask("forgotten", task_id=task))


@behaviour()
def get_waits(s: Script) -> None:
    """`get` in the client returns when the result is there, and raises what the task raised."""
    s.fact("value", s.ask("fetched", task_id=s.send("nap", 2, "slept"), timeout=30))
    s.fact("error", s.ask("fetched", task_id=s.send("boom"), timeout=30))


@behaviour()
def get_times_out(s: Script) -> None:
    """`get(timeout=...)` of a task that nobody has sent raises `TimeoutError`."""
    s.fact("error", s.ask("fetched", task_id="nobody", timeout=3))


# Retries


@behaviour()
def retry_with_countdown(s: Script) -> None:
    """`self.retry(countdown=10)`: the same id again, 10 s later, RETRY stored meanwhile."""
    task = s.send("again", 2, 10)
    s.ended(task)
    s.gaps("task-started", task)
    s.outcome(task)


@behaviour()
def retry_exhausted(s: Script) -> None:
    """After `max_retries` the error that was given to `retry` is raised, and the task is FAILURE."""
    task = s.send("again", 9, 2)
    s.ended(task)
    s.gaps("task-started", task)
    s.outcome(task)


@behaviour()
def retry_exhausted_without_error(s: Script) -> None:
    """Without an error of its own it is `MaxRetriesExceededError`."""
    task = s.send("again_bare")
    s.ended(task)
    s.fact("state", s.ask("state_of", task_id=task).split()[0])


@behaviour()
def retry_raised_by_hand(s: Script) -> None:
    """`Retry` raised without `self.retry`: RETRY is stored, and nothing is published."""
    task = s.send("by_hand")
    s.seen("task-retried", task)
    s.passes(30)
    s.outcome(task)


@behaviour()
def retry_on_another_queue(s: Script) -> None:
    """`self.retry(queue=...)`: another worker makes the next try."""
    task = s.send("again_elsewhere")
    s.ended(task)
    s.outcome(task)


@behaviour()
def autoretry_with_backoff(s: Script) -> None:
    """`autoretry_for`, `retry_backoff=2`, `retry_backoff_max=6`: 2, 4, 6 and 6 s, then FAILURE."""
    task = s.send("backoff")
    s.ended(task)
    s.gaps("task-started", task)
    s.outcome(task)


@behaviour()
def autoretry_refused(s: Script) -> None:
    """`dont_autoretry_for`: a subclass of what is retried is not."""
    task = s.send("picky")
    s.ended(task)
    s.outcome(task)


@behaviour()
def no_retries_allowed(s: Script) -> None:
    """`max_retries=0`: the first failure is the last."""
    task = s.send("loud")
    s.ended(task)
    s.outcome(task)


# When a task runs, and where


@behaviour()
def countdown(s: Script) -> None:
    """`countdown`: received at once, run when it is time."""
    task = s.send("add", 1, countdown=15)
    s.ended(task)
    received, started = s.all("task-received", task)[0], s.all("task-started", task)[0]
    s.fact("seconds from receipt to start", round(started.at_s - received.at_s, 1), within=1.5)


@behaviour()
def countdown_beyond_visibility_timeout(s: Script) -> None:
    """A countdown beyond the visibility timeout: on Redis it is delivered again, and runs twice or more."""
    task = s.send("add", 1, countdown=35, ignore_result=True)
    s.ended(task)
    s.passes(30)
    s.fact("ran more than once", len(s.all("task-started", task)) > 1)
    s.fact("deliveries", len(s.all("message-delivered", task)), within=1)


@behaviour()
def countdown_survives_the_worker(s: Script) -> None:
    """A task that waits for its time comes back when its worker is killed, and runs then or later."""
    task = s.send("add", 1, countdown=10)
    s.seen("task-received", task)
    with s.away("main"):
        s.passes(5)
    s.ended(task)
    s.fact("starts", len(s.all("task-started", task)))


@behaviour()
def expired_before_it_is_received(s: Script) -> None:
    """`expires`: a task that waited too long is not run, and REVOKED where a worker sees it at all."""
    s.busy("lane", 15)
    held = s.send("add", 0, queue="lane")
    s.seen("message-delivered", held)
    task = s.send("add", 1, queue="lane", expires=10)
    s.ended(held)
    s.passes(5)
    s.outcome(task)


@behaviour()
def expired_while_it_waits(s: Script) -> None:
    """A countdown beyond `expires`: received, and revoked when its time has come."""
    task = s.send("add", 1, countdown=15, expires=10)
    s.passes(20)
    s.outcome(task)


@behaviour()
def message_ttl(s: Script) -> None:
    """`expiration`: RabbitMQ drops the message when its time is over, Redis knows no such thing."""
    s.busy("lane", 15)
    held = s.send("add", 0, queue="lane")
    s.seen("message-delivered", held)
    task = s.send("add", 1, queue="lane", expiration=5)
    s.passes(10)
    s.depth("lane")
    s.ended(held)
    s.passes(5)
    s.outcome(task)


@behaviour()
def priorities(s: Script) -> None:
    """Tasks that wait at the same time: 9 first on RabbitMQ (`x-max-priority`), 0 first on Redis."""
    s.busy("lane")
    names = {s.send("add", 100, queue="lane", priority=5): "prefetched"}
    s.seen("message-delivered", next(iter(names)))
    for priority in (3, 9, 0, 6):
        names[s.send("add", priority, queue="lane", priority=priority)] = f"priority {priority}"
    s.passes(1)
    s.ended(*names)
    s.order("order", names)


@behaviour()
def first_in_first_out(s: Script) -> None:
    """Without priorities tasks start in the order in which they were sent."""
    s.busy("lane")
    names = {s.send("add", place, queue="lane"): f"{place}" for place in range(4)}
    s.ended(*names)
    s.order("order", names)


@behaviour()
def prefetch(s: Script) -> None:
    """A multiplier of 1, acknowledged early: beside what runs, one message is held."""
    s.busy("lane")
    names = [s.send("add", place, queue="lane") for place in range(3)]
    s.passes(2)
    s.fact("held meanwhile", sum(bool(s.all("message-delivered", each)) for each in names))
    s.ended(*names)


@behaviour()
def prefetch_late(s: Script) -> None:
    """Acknowledged late, what runs counts: nothing else is held."""
    first = s.send("late_nap", 10, queue="lane")
    s.seen("body-entered", first)
    names = [s.send("add", place, queue="lane") for place in range(2)]
    s.passes(2)
    s.fact("held meanwhile", sum(bool(s.all("message-delivered", each)) for each in names))
    s.ended(first, *names)


@behaviour()
def two_queues_of_one_worker(s: Script) -> None:
    """A worker of two queues takes from both: neither waits until the other is empty."""
    s.busy("lane")
    names = {}
    for side in ("left", "right"):
        for place in range(4):
            names[s.send("add", place, queue=side)] = side
    s.ended(*names)
    order = [names[e.task_id] for e in s.all("task-started") if e.task_id in names]
    s.fact("both sides among the first five", len(set(order[:5])) == 2)


@behaviour()
def queue_of_nobody(s: Script) -> None:
    """A task sent to a queue that no worker consumes stays there."""
    task = s.send("add", 1, queue="nobody")
    s.passes(30)
    s.depth("nobody")
    s.outcome(task)
    s.ask("purged", queue="nobody")


@behaviour()
def rate_limit(s: Script) -> None:
    """`rate_limit="12/m"`: five seconds between starts."""
    names = [s.send("rationed", place) for place in range(3)]
    s.ended(*names)
    s.gaps("task-started", task="rationed", within=1.5)


@behaviour()
def compressed_message(s: Script) -> None:
    """`compression="gzip"`: the worker reads it."""
    task = s.send("add", 1, compression="gzip")
    s.ended(task)
    s.outcome(task)


# Limits


@behaviour()
def soft_limit(s: Script) -> None:
    """`soft_time_limit`: raised in the body after 3 s."""
    task = s.send("soft")
    s.ended(task)
    s.gaps("body-entered", task)
    s.outcome(task)


@behaviour()
def soft_limit_caught(s: Script) -> None:
    """A body that catches it goes on, and succeeds."""
    task = s.send("hurry")
    s.ended(task)
    s.outcome(task)


@behaviour()
def soft_limit_swallowed(s: Script) -> None:
    """A body that does not hear of it is killed at the hard limit."""
    task = s.send("deaf")
    s.ended(task)
    s.outcome(task)
    s.passes(1)


@behaviour()
def hard_limit(s: Script) -> None:
    """`time_limit`: the child is killed after 3 s, the task is FAILURE, and the next one finds a child."""
    task = s.send("hard")
    s.ended(task)
    s.outcome(task)
    after = s.send("add", 1)
    s.ended(after)


@behaviour()
def hard_limit_not_acknowledged(s: Script) -> None:
    """`acks_on_failure_or_timeout=False`: the message of a task killed at its limit goes back."""
    task = s.send("late_hard")
    s.seen("message-acked", task)
    s.passes(1)
    s.outcome(task)


# Acknowledgement


@behaviour()
def early_acknowledgement(s: Script) -> None:
    """By default a task is acknowledged as it begins."""
    task = s.send("nap", 2)
    s.ended(task)
    s.passes(1)
    s.first_of(task, "message-acked", "body-left")


@behaviour()
def late_acknowledgement(s: Script) -> None:
    """`acks_late`: it is acknowledged at its end."""
    task = s.send("late_nap", 2)
    s.seen("message-acked", task)
    s.first_of(task, "message-acked", "body-left")


@behaviour()
def late_failure(s: Script) -> None:
    """`acks_late` and a failure: acknowledged."""
    task = s.send("late_boom")
    s.ended(task)
    s.passes(1)


@behaviour()
def late_failure_not_acknowledged(s: Script) -> None:
    """`acks_on_failure_or_timeout=False`: a failed task's message is rejected, and not requeued."""
    task = s.send("kept_boom")
    s.ended(task)
    s.passes(1)
    s.outcome(task)


@behaviour()
def reject(s: Script) -> None:
    """`Reject(requeue=False)`: rejected, no state is stored, and it does not come back."""
    task = s.send("refuse", False)
    s.seen("message-rejected", task)
    s.passes(5)
    s.outcome(task)


@behaviour()
def reject_and_requeue(s: Script) -> None:
    """`Reject(requeue=True)`: it comes back, marked as redelivered."""
    task = s.send("refuse", True)
    s.seen("task-succeeded", task)
    s.passes(1)
    s.outcome(task)


@behaviour()
def reject_after_early_acknowledgement(s: Script) -> None:
    """`Reject` of a message that is acknowledged already does nothing to it."""
    task = s.send("early_refuse")
    s.seen("body-left", task)
    s.passes(5)
    s.outcome(task)


# Loss


@behaviour()
def worker_killed_early(s: Script) -> None:
    """A worker killed with an early acknowledged task: the task is lost."""
    task = s.send("nap", 30)
    s.seen("body-entered", task)
    s.passes(1)
    with s.away("main"):
        s.passes(1)
    s.passes(35)
    s.fact("starts", len(s.all("task-started", task)))
    s.outcome(task)


@behaviour()
def worker_killed_late(s: Script) -> None:
    """Acknowledged late, it runs again: at once on RabbitMQ, after the visibility timeout on Redis."""
    task = s.send("late_nap", 10)
    s.seen("body-entered", task)
    s.passes(1)
    with s.away("main"):
        s.passes(1)
    s.ended(task)
    s.gaps("task-started", task, within=20)
    s.fact("starts", len(s.all("task-started", task)))
    s.outcome(task)


@behaviour("redis")
def visibility_timeout_of_a_long_task(s: Script) -> None:
    """A task that runs longer than the visibility timeout is given to another child while it still runs."""
    # Real workers look late by up to eight seconds; were both runs long, that would make a third one or not.
    task = s.send("late_at_first", 60)
    s.seen("task-succeeded", task, nth=2)
    s.gaps("task-started", task, within=20)
    s.passes(1)


@behaviour()
def worker_killed_with_reserved_tasks(s: Script) -> None:
    """What a killed worker had only fetched runs elsewhere."""
    names = [s.send("nap", 5, place, queue="lane") for place in range(3)]
    s.seen("body-entered", names[0])
    s.seen("message-delivered", names[1])
    s.passes(1)
    with s.away("lane"):
        s.passes(1)
    s.wait(lambda: all(s.all("task-succeeded", each) for each in names[1:]))
    s.fact("starts", [len(s.all("task-started", each)) for each in names])


@behaviour()
def child_killed_early(s: Script) -> None:
    """A child killed with an early acknowledged task: FAILURE with `WorkerLostError`."""
    task = s.send("early_death")
    s.ended(task)
    s.outcome(task)


@behaviour()
def child_killed_late(s: Script) -> None:
    """Acknowledged late it is the same, and the message acknowledged: `task_reject_on_worker_lost` is off."""
    task = s.send("late_death")
    s.ended(task)
    s.passes(1)
    s.outcome(task)


@behaviour()
def child_killed_and_rejected(s: Script) -> None:
    """`reject_on_worker_lost`: the message goes back, and another child gets it at once."""
    task = s.send("returned_death")
    s.seen("task-succeeded", task)
    s.passes(1)
    s.outcome(task)


@behaviour()
def child_exits(s: Script) -> None:
    """`SystemExit` in a body."""
    task = s.send("leave")
    s.ended(task)
    s.passes(1)
    s.fact("state", s.ask("state_of", task_id=task).split()[0])


@behaviour()
def warm_stop(s: Script) -> None:
    """SIGTERM: what runs is finished, what was only fetched is given back."""
    names = [s.send("nap", 5, place, queue="lane") for place in range(3)]
    s.seen("body-entered", names[0])
    s.seen("message-delivered", names[1])
    s.passes(1)
    s.world.workers["lane"].stop(cold=False)
    s.wait(s.world.workers["lane"].ended, within_s=60)
    s.fact("finished", [bool(s.all("task-succeeded", each)) for each in names])
    s.start("lane")
    s.ended(*names)


@behaviour()
def idle_stop(s: Script) -> None:
    """SIGTERM to a worker that has nothing to do: it looks when its poll ends, after up to ten seconds."""
    s.world.workers["lane"].stop(cold=False)
    s.fact("ended", s.world.advance(s.world.workers["lane"].ended, within_s=20))
    s.start("lane")
    task = s.send("add", 1, queue="lane")
    s.ended(task)
    s.outcome(task)


@behaviour()
def worker_paused(s: Script) -> None:
    """SIGSTOP and SIGCONT: tasks wait, and go on."""
    s.world.workers["main"].pause()
    task = s.send("add", 1)
    s.passes(20)
    s.fact("meanwhile", len(s.all("task-started", task)))
    s.world.workers["main"].resume()
    s.ended(task)
    s.outcome(task)


# The broker


@behaviour()
def connections_dropped(s: Script) -> None:
    """The broker closes all connections: workers come back by themselves, and so does the client."""
    s.world.broker.drop_connections()
    s.passes(10)
    task = s.send("add", 1)
    s.ended(task)
    s.outcome(task)


@behaviour()
def connections_dropped_while_a_late_task_runs(s: Script) -> None:
    """Acknowledged late, its worker loses its connection: it goes on, and its message comes again."""
    task = s.send("late_nap", 10)
    s.seen("body-entered", task)
    s.world.broker.drop_connections()
    s.passes(40)
    s.fact("starts", len(s.all("task-started", task)))
    s.fact("succeeded", len(s.all("task-succeeded", task)))
    s.outcome(task)


@behaviour()
def connections_dropped_while_an_eta_waits(s: Script) -> None:
    """A task that waits for its time in a worker that loses its connection still runs."""
    task = s.send("add", 1, countdown=15)
    s.seen("task-received", task)
    s.world.broker.drop_connections()
    s.ended(task)
    s.passes(35)
    s.fact("succeeded", len(s.all("task-succeeded", task)))
    s.outcome(task)


@behaviour()
def broker_killed_and_back(s: Script) -> None:
    """A broker that is killed and started again has kept what waited in it."""
    waiting = s.send("add", 1, queue="nobody")
    s.seen("message-published", waiting)
    s.passes(2)
    s.world.broker.kill()
    s.world.broker.start()
    s.passes(10)
    s.depth("nobody")
    task = s.send("add", 1)
    s.ended(task)
    s.outcome(task)
    s.ask("purged", queue="nobody")


# Messages


@behaviour()
def unknown_task(s: Script) -> None:
    """A task that the worker does not know: said, and its message rejected for good."""
    task = s.send("nobody_knows")
    s.seen("task-unknown", task)
    s.passes(2)
    s.outcome(task)


@behaviour()
def content_type_refused(s: Script) -> None:
    """A message of a content type that is not accepted: rejected, and gone."""
    headers = {"id": "pickled", "task": "conform.add", "lang": "py", "argsrepr": "()", "kwargsrepr": "{}"}
    s.ask("raw", body="x", content_type="application/x-python-serialize", headers=headers)
    s.seen("message-rejected", "pickled")
    s.passes(2)
    s.depth("celery")


@behaviour()
def body_undecodable(s: Script) -> None:
    """A message that is no JSON although it says so: acknowledged, and gone."""
    headers = {"id": "garbled", "task": "conform.add", "lang": "py", "argsrepr": "()", "kwargsrepr": "{}"}
    s.ask("raw", body="[1, 2", content_type="application/json", headers=headers)
    s.seen("message-acked", "garbled")
    s.passes(2)
    s.depth("celery")


@behaviour()
def message_of_no_task(s: Script) -> None:
    """A message without a task's headers: rejected, and gone."""
    s.ask("raw", body='{"hello": 1}', content_type="application/json", headers={"id": "stranger"})
    s.seen("message-delivered", "stranger")
    s.passes(2)
    s.depth("celery")


@behaviour()
def wrong_arguments(s: Script) -> None:
    """Arguments that the task does not take: `TypeError`, FAILURE; its body is not entered."""
    task = s.world.send("conform.add", ["a", "b", "c", "d"], {}, options={})
    s.ended(task)
    s.fact("state", s.ask("state_of", task_id=task).split()[0])


@behaviour()
def message_of_celery_3(s: Script) -> None:
    """A message of protocol 1 is understood."""
    s.ask("protocol_1", task_id="old", task="conform.add", args=[3, 4])
    s.seen("task-succeeded", "old")
    s.passes(1)
    s.fact("result", s.ask("state_of", task_id="old"))


# Control


@behaviour()
def revoked_before_it_starts(s: Script) -> None:
    """`revoke` of a task that waits: not run, REVOKED."""
    s.busy("lane", 10)
    task = s.send("add", 1, queue="lane")
    s.seen("message-delivered", task)
    s.ask("revoke", task_id=task, worker="lane")
    s.ended(task)
    s.passes(1)
    s.outcome(task)


@behaviour()
def revoked_while_it_waits_for_its_time(s: Script) -> None:
    """`revoke` of a task with a countdown: revoked when its time comes."""
    task = s.send("add", 1, countdown=10)
    s.seen("task-received", task)
    s.ask("revoke", task_id=task, worker="main")
    s.ended(task)
    s.passes(15)  # a worker of an idle RabbitMQ acknowledges when its loop goes round: at the next timer
    s.outcome(task)


@behaviour()
def revoked_while_it_runs(s: Script) -> None:
    """`revoke` without `terminate` leaves a task that runs alone."""
    task = s.send("nap", 5, "done")
    s.seen("body-entered", task)
    s.ask("revoke", task_id=task, worker="main")
    s.ended(task)
    s.outcome(task)


@behaviour()
def terminated(s: Script) -> None:
    """`revoke(terminate=True)`: its child is ended, and the task REVOKED."""
    task = s.send("nap", 60)
    s.seen("body-entered", task)
    s.passes(1)
    s.ask("revoke", task_id=task, worker="main", terminate=True)
    s.ended(task)
    s.passes(2)
    s.outcome(task)


@behaviour()
def ping(s: Script) -> None:
    """`control.ping`: every worker answers."""
    s.fact("answers", s.ask("ping"))


@behaviour()
def inspected(s: Script) -> None:
    """`inspect().active()` names what runs."""
    task = s.send("nap", 10)
    s.seen("body-entered", task)
    s.fact("active", s.ask("active", destination="main"))
    s.ended(task)


@behaviour()
def rate_limit_at_run_time(s: Script) -> None:
    """`control.rate_limit` holds from then on, until it is taken back."""
    s.fact(
        "answer",
        s.ask(
            "control",
            command="rate_limit",
            destination="main",
            arguments={"task_name": "conform.tracked", "rate_limit": "12/m"},
        ),
    )
    names = [s.send("tracked", place) for place in range(3)]
    s.ended(*names)
    s.gaps("task-started", task="tracked", within=1.5)
    s.ask(
        "control",
        command="rate_limit",
        destination="main",
        arguments={"task_name": "conform.tracked", "rate_limit": "0"},
    )


@behaviour()
def queue_added_and_cancelled(s: Script) -> None:
    """`add_consumer` makes a worker take from one more queue, `cancel_consumer` ends it."""
    task = s.send("add", 1, queue="extra")
    s.passes(2)
    s.fact("before", len(s.all("task-started", task)))
    s.ask("control", command="add_consumer", destination="main", arguments={"queue": "extra"})
    s.ended(task)
    s.ask("control", command="cancel_consumer", destination="main", arguments={"queue": "extra"})
    late = s.send("add", 2, queue="extra")
    s.passes(5)
    s.fact("afterwards", len(s.all("task-started", late)))
    s.depth("extra")
    s.ask("purged", queue="extra")


@behaviour()
def pool_grown_and_shrunk(s: Script) -> None:
    """`pool_grow` and `pool_shrink` change how many tasks run at once."""
    s.ask("control", command="pool_grow", destination="lane", arguments={"n": 1})
    s.passes(5)
    names = [s.send("nap", 10, place, queue="lane") for place in range(2)]
    s.ended(*names)
    started = sorted(s.all("task-started", each)[0].at_s for each in names)
    s.fact("side by side", started[1] - started[0] < 8)
    s.ask("control", command="pool_shrink", destination="lane", arguments={"n": 1})
    s.passes(1)


# Canvas


@behaviour()
def chain(s: Script) -> None:
    """`chain`: each gets the result of the one before."""
    s.ask("chained")
    s.succeeded("add", 3)
    s.passes(1)


@behaviour()
def chain_broken(s: Script) -> None:
    """A task of a chain fails: those after it are not sent."""
    s.ask("chained", fails=True)
    s.seen("task-failed", task="boom")
    s.passes(5)


@behaviour()
def group(s: Script) -> None:
    """`group`: all of them run."""
    s.ask("grouped")
    s.succeeded("add", 3)
    s.passes(1)


@behaviour()
def chord(s: Script) -> None:
    """`chord`: when all are done its body gets their results."""
    s.ask("chorded")
    s.succeeded("total")
    s.passes(1)


@behaviour()
def chord_with_a_failure(s: Script) -> None:
    """One of a chord's tasks fails: its body is not run, and FAILURE."""
    s.ask("chorded", fails=True)
    s.seen("task-failed", task="boom")
    s.passes(10)


@behaviour()
def chord_after_a_retry(s: Script) -> None:
    """One of a chord's tasks is tried again: the body waits for it."""
    s.ask("chorded_after_retry")
    s.succeeded("total")
    s.passes(1)


@behaviour()
def chain_into_a_chord(s: Script) -> None:
    """A group inside a chain, before a task, is a chord."""
    s.ask("chain_into_chord")
    s.succeeded("total")
    s.passes(1)


@behaviour()
def link(s: Script) -> None:
    """`link`: the callback gets the result; the errback is not called."""
    s.ask("linked")
    s.succeeded("add", 2)
    s.passes(5)


@behaviour()
def link_error(s: Script) -> None:
    """`link_error`: the errback is called; the callback is not."""
    s.ask("linked", fails=True)
    s.seen("task-failed", task="boom")
    s.passes(5)


@behaviour()
def replaced(s: Script) -> None:
    """`self.replace`: another task runs under the same id."""
    task = s.send("hand_over", 5)
    s.succeeded("add")
    s.seen("message-acked", task, nth=2)
    s.passes(1)
    s.outcome(task)


@behaviour()
def sent_by_a_task(s: Script) -> None:
    """A task sends another one."""
    task = s.send("parent", 1)
    s.succeeded("add")
    s.ended(task)
    s.passes(1)


@behaviour()
def beat(s: Script) -> None:
    """Beat publishes an interval's entry by its period, and a crontab's at the minute."""
    s.minute_begins()
    with s.world.beat("beat"):
        s.passes(130)
    s.passes(2)
    s.gaps("task-started", task="add", within=1.0)
    s.gaps("task-started", task="quiet", within=1.0)
    s.fact("published each 20 s", len(s.all("message-published", task="add")))
    s.fact("published each minute", len(s.all("message-published", task="quiet")))


@behaviour()
def beat_stopped_and_started_again(s: Script) -> None:
    """Beat keeps when it published: what came due while it was away is published once, at its start."""
    s.minute_begins()
    with s.world.beat("again"):
        s.passes(30)
    s.fact("each 20 s, before", len(s.all("message-published", task="add")))
    s.passes(60)
    s.fact("each 20 s, while it is away", len(s.all("message-published", task="add")))
    s.fact("each minute, while it is away", len(s.all("message-published", task="quiet")))
    with s.world.beat("again"):
        s.passes(10)
    s.fact("each 20 s, at its start", len(s.all("message-published", task="add")))
    s.fact("each minute, at its start", len(s.all("message-published", task="quiet")))
