"""Workers are started otherwise."""

from __future__ import annotations

from harness.contract import WorkerLayout
from tests.mutations.targets import mutants, target


def test_a_worker_is_not_started_has_a_queue_less_or_no_children() -> None:
    layouts = (WorkerLayout("a", ("x", "y"), 2), WorkerLayout("b", ("z",), 1, "solo"))
    found = mutants("worker_layout", target(workers=layouts))
    assert [(each.name, each.after) for each in found] == [
        ("workers.a", "not started"), ("workers.a.queues", None), ("workers.a.queues", None),
        ("workers.a.pool", "solo"), ("workers.b", "not started"),
    ]  # fmt: skip
    assert [each.queues for each in found[1].workers or ()] == [("y",), ("z",)]


def test_the_only_worker_is_not_taken_away() -> None:
    found = mutants("worker_layout", target(workers=(WorkerLayout("all", ("sales",), 2),)))
    assert [each.after for each in found] == ["solo"]
