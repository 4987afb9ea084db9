"""The picture of a run: who ran what and when, what was lost, what waited."""

from __future__ import annotations

from harness.contract import Contract, Delay, Retry, Tier
from harness.history import History
from harness.reporters._envelopes import figures
from harness.reporters._scene import Scene, scene
from tests.checkers.histories import (
    PAY,
    broker_read,
    child_lost,
    clock_bent,
    dead_lettered,
    effect,
    event,
    failed,
    ladder,
    life,
    retried,
    run,
    sent,
    started,
    struck,
    succeeded,
    worker_lost,
    worker_ready,
)  # fmt: skip

DELAY = Delay("exponential", 30, 2, 300, "bounded")
CONTRACT = Contract(
    (Tier("critical", ("payroll.*",), queue="critical", retry=Retry(max_retries=5, delay=DELAY)),)
)


def drawn(history: History) -> Scene:
    """The scene under the contract."""
    return scene(CONTRACT, history)


def spans(picture: Scene) -> list[tuple[str, float, float, str]]:
    """Lane, start, end and outcome of each attempt."""
    return [(picture.lanes[s.lane][1], s.from_s, s.to_s, s.outcome) for s in picture.spans]


def test_an_attempt_is_a_span_in_a_child_of_its_worker() -> None:
    picture = drawn(run(worker_ready(0.0), life("a", PAY, 1.0)))
    assert ("worker", "w1") in picture.lanes
    assert spans(picture) == [("w1 · child 1", 1.1, 1.4, "succeeded")]


def test_processes_that_follow_each_other_share_a_lane_and_those_at_once_do_not() -> None:
    one = [started("a", PAY, 1.0, pid=1), succeeded("a", PAY, 2.0)]
    two = [started("b", PAY, 1.5, pid=2), succeeded("b", PAY, 2.5)]
    three = [started("c", PAY, 3.0, pid=3), succeeded("c", PAY, 4.0)]
    picture = drawn(run(one, two, three))
    assert [lane for lane, *_ in spans(picture)] == ["w1 · child 1", "w1 · child 2", "w1 · child 1"]


def test_an_attempt_whose_process_was_killed_ends_with_it() -> None:
    child = drawn(
        run(started("a", PAY, 1.0), event("child-lost", 3.0, "a", PAY, worker="w1"), started("a", PAY, 9.0))
    )
    assert spans(child)[0] == ("w1 · child 1", 1.0, 3.0, "lost")
    worker = drawn(
        run(started("a", PAY, 1.0), worker_lost(2.0), worker_lost(1.5, "w2"), started("a", PAY, 9.0))
    )
    assert spans(worker)[0] == ("w1 · child 1", 1.0, 2.0, "lost")


def test_an_attempt_without_an_end_lasts_as_long_as_the_record() -> None:
    assert spans(drawn(run(started("a", PAY, 1.0), clock_bent(7.0)))) == [("w1 · child 1", 1.0, 7.0, "open")]


def test_a_retry_is_an_arc_with_the_envelope_that_was_promised() -> None:
    picture = drawn(run(ladder("a", PAY, 1.0, "x/critical", [20.0, 50.0])))
    assert [(a.from_s, a.to_s, a.low_s, a.high_s) for a in picture.arcs] == [
        (1.0, 21.0, 15.0, 30.0), (21.0, 71.0, 30.0, 60.0),
    ]  # fmt: skip
    assert [outcome for *_, outcome in spans(picture)] == ["retried", "retried", "failed"]


def test_a_retry_that_never_came_is_no_arc() -> None:
    assert drawn(run(started("a", PAY, 1.0), retried("a", PAY, 1.5, countdown_s=30))).arcs == []


def test_a_queue_is_as_deep_as_what_was_sent_and_not_delivered() -> None:
    history = run(
        sent("a", PAY, 1.0, queue="critical"),
        sent("b", PAY, 2.0, queue="critical"),
        event("message-delivered", 3.0, "a", PAY, queue="critical", redelivered=False),
        event("message-delivered", 4.0, "a", PAY, queue="critical", redelivered=True),
        event("publish-failed", 5.0, "b", PAY, error="refused"),
        sent("c", PAY, 6.0, queue="other"),
    )
    picture = drawn(history)
    named = {picture.lanes[lane]: steps for lane, steps in picture.depths.items()}
    assert named["queue", "critical"] == [(1.0, 1), (2.0, 2), (3.0, 1), (5.0, 0)]
    assert named["queue", "other"] == [(6.0, 1)]


def test_a_fault_is_a_band_until_it_is_healed_and_each_is_healed_once() -> None:
    history = run(
        struck(1.0), struck(2.0), event("fault-healed", 4.0, fault="worker_kill"), struck(5.0, "body_mail")
    )
    assert [(band.name, band.from_s, band.to_s) for band in drawn(history).bands] == [
        ("worker_kill", 1.0, 4.0), ("worker_kill", 2.0, 2.0), ("body_mail", 5.0, 5.0),
    ]  # fmt: skip


def test_what_came_of_tasks_is_marked_on_lanes_of_its_own() -> None:
    history = run(
        worker_ready(0.0), effect("a", PAY, 1.0, what="app.Row"), dead_lettered("a", PAY, 2.0, "table:dead"),
        event("alert-sent", 3.0, to=["a@example.com"]), child_lost(4.0), clock_bent(5.0), broker_read(6.0),
    )  # fmt: skip
    picture = drawn(history)
    assert [(picture.lanes[mark.lane], mark.kind) for mark in picture.marks] == [
        (("worker", "w1"), "worker-ready"),
        (("effect", "app.Row"), "effect"),
        (("letter", "table:dead"), "dead-lettered"),
        (("alert", "a@example.com"), "alert-sent"),
        (("worker", "w1"), "child-lost"),
        (("clock", "bent"), "clock-bent"),
    ]  # fmt: skip


def test_lanes_go_from_faults_over_queues_with_their_workers_to_what_came_of_it() -> None:
    history = run(
        struck(0.5), worker_ready(0.0), life("a", PAY, 1.0),
        sent("b", PAY, 2.0, queue="critical"), effect("a", PAY, 3.0),
    )  # fmt: skip
    kinds = [kind for kind, _ in drawn(history).lanes]
    assert kinds == ["fault", "queue", "worker", "child", "effect"]


def test_delays_are_drawn_beside_their_envelopes_and_their_absence_is_said() -> None:
    (seen,) = figures(CONTRACT, run(ladder("a", PAY, 1.0, "x/critical", [20.0, 50.0])))
    assert [column.said for column in seen.columns][:3] == [
        "retry 1: promised 15 to 30 s; observed 20 to 20 s in 1",
        "retry 2: promised 30 to 60 s; observed 50 to 50 s in 1",
        "retry 3: promised 60 to 120 s; none observed",
    ]
    first = seen.columns[0]
    assert first.box is not None
    assert first.box[0] < first.dots[0][1] < first.box[0] + first.box[1]
    (unseen,) = figures(CONTRACT, run(sent("a", PAY, 0.0), failed("a", PAY, 1.0)))
    assert (unseen.seen, len(unseen.columns)) == (0, 5)
