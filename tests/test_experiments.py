"""Which experiments a contract needs, which of them run side by side, and with which arguments."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from harness.contract import Contract, Retry, Sample, Tier, WorkerLayout
from harness.experiments import arguments_of, batches, body_of, checkers, needed, touches, varied
from harness.workload import Body, Experiment, Send, Strike

CONTRACT = Contract(
    tiers=(
        Tier("gold", ("shop.gold",), queue="gold", members=("shop.gold",)),
        Tier("tin", ("shop.tin",), queue="tin", members=("shop.tin",)),
    ),
    workers=(WorkerLayout("first", ("gold",)), WorkerLayout("second", ("tin", "spare"))),
)


def experiment(
    name: str, task: str, phase: Literal["crash", "main", "limits"], *strikes: Strike
) -> Experiment:
    return Experiment(name, task.partition(".")[2], (Send(task),), strikes, phase)


def names(groups: list[list[Experiment]]) -> list[list[str]]:
    return [[each.name for each in group] for group in groups]


def test_in_the_main_phase_everything_runs_at_once() -> None:
    every = [experiment(name, "shop.gold", "main") for name in "abc"]
    assert names(batches(CONTRACT, every)) == [["a", "b", "c"]]


@pytest.mark.parametrize("phase", ["crash", "limits"])
def test_otherwise_only_what_has_no_worker_in_common_runs_at_once(phase: Literal["crash", "limits"]) -> None:
    every = [
        experiment("a", "shop.gold", phase),
        experiment("b", "shop.tin", phase),
        experiment("c", "shop.gold", phase),
    ]
    assert names(batches(CONTRACT, every)) == [["a", "b"], ["c"]]


def test_phases_do_not_mix() -> None:
    every = [experiment("a", "shop.gold", "crash"), experiment("b", "shop.tin", "main")]
    assert names(batches(CONTRACT, every)) == [["a"], ["b"]]


def test_an_experiment_touches_the_workers_it_sends_to_and_those_it_strikes() -> None:
    assert touches(CONTRACT, experiment("a", "shop.gold", "crash")) == {"first"}
    struck = experiment("a", "shop.gold", "crash", Strike("worker_kill", {"queue": "spare"}))
    assert touches(CONTRACT, struck) == {"first", "second"}
    several = experiment("a", "shop.gold", "crash", Strike("worker_kill", {"queues": ["tin"]}))
    assert touches(CONTRACT, several) == {"first", "second"}


def test_a_worker_that_consumes_what_the_settings_say_is_touched_by_everything() -> None:
    contract = Contract(CONTRACT.tiers, (WorkerLayout("any"),))
    assert touches(contract, experiment("a", "shop.gold", "crash")) == {"any"}
    assert touches(Contract(CONTRACT.tiers), experiment("a", "shop.gold", "crash")) == {"all"}


def test_what_is_promised_is_put_to_the_test_once_and_in_order_of_phases() -> None:
    tiers = (Tier("gold", ("shop.gold",), retry=Retry(on=("mail",), max_retries=2), members=("shop.gold",)),)
    found = needed(Contract(tiers), checkers())
    phases = [("crash", "main", "limits").index(each.phase) for each in found]
    assert phases == sorted(phases)
    assert len({each.name for each in found}) == len(found)
    assert any(each.name.startswith("retry_cap") for each in found)


def test_a_tier_that_is_not_asked_for_is_not_put_to_the_test() -> None:
    tiers = tuple(
        Tier(name, (f"shop.{name}",), retry=Retry(on=("mail",), max_retries=2), members=(f"shop.{name}",))
        for name in ("gold", "tin")
    )
    found = needed(Contract(tiers), checkers(["retry_cap"]), ["tin"])
    assert {each.tier for each in found if each.name.startswith("retry_cap")} == {"tin"}


@pytest.mark.parametrize(
    ("value", "copies"),
    [
        (7, [7, 8, 9]),
        (0.5, [0.5, 1.5, 2.5]),
        (True, [True, True, True]),
        ("2026-11", ["2026-11", "2026-12", "2027-01"]),
        ("2026-12-31", ["2026-12-31", "2027-01-01", "2027-01-02"]),
        ("2024-02-28", ["2024-02-28", "2024-02-29", "2024-03-01"]),
        ("anna", ["anna", "anna-1", "anna-2"]),
        ("2026-1", ["2026-1", "2026-1-1", "2026-1-2"]),
    ],
)
def test_copies_get_values_of_their_own(value: Any, copies: list[Any]) -> None:
    assert [varied(value, copy) for copy in range(3)] == copies


@pytest.mark.parametrize("month", ["0001-01", "1999-12"])
def test_a_month_stays_a_month(month: str) -> None:
    assert all(1 <= int(varied(month, copy)[-2:]) <= 12 for copy in range(40))


def test_arguments_come_from_the_send_else_from_the_sample_else_are_made_up() -> None:
    sample = Sample(args=(1, "a"), kwargs={"month": "2026-01"}, vary=0)
    assert arguments_of(Send("t", args=(9,)), sample, 3) == ([9], {})
    assert arguments_of(Send("t", kwargs={"n": 9}), sample, 3) == ([], {"n": 9})
    assert arguments_of(Send("t"), sample, 3) == ([4, "a"], {"month": "2026-01"})
    assert arguments_of(Send("t"), None, 3) == (None, {})


@pytest.mark.parametrize(
    ("vary", "expected"),
    [
        (1, ([1, "a-2"], {"month": "2026-01"})),
        ("month", ([1, "a"], {"month": "2026-03"})),
        (7, ([1, "a"], {"month": "2026-01"})),
        ("year", ([1, "a"], {"month": "2026-01"})),
        (None, ([1, "a"], {"month": "2026-01"})),
    ],
)
def test_the_sample_says_what_is_varied(vary: Any, expected: object) -> None:
    sample = Sample(args=(1, "a"), kwargs={"month": "2026-01"}, vary=vary)
    assert arguments_of(Send("t"), sample, 2) == expected
    assert (sample.args, sample.kwargs) == ((1, "a"), {"month": "2026-01"}), "the sample itself stays"


def test_a_task_without_a_sample_gets_a_stub_and_only_what_is_ordered_is_said() -> None:
    assert body_of(Send("t"), None) == {"stub": True, "failing_attempts": Body().failing_attempts}
    real = body_of(Send("t", Body(raises="mail", failing_attempts=2)), Sample(args=(1,)))
    assert real == {"raises": "mail", "failing_attempts": 2}
    assert body_of(Send("t"), Sample(body="stub"))["stub"] is True


def test_what_names_no_queue_may_touch_every_worker() -> None:
    """A kill of all workers beside another tier's experiment would be taken for that tier's own loss."""
    everywhere = {"first", "second"}
    struck = experiment("a", "shop.gold", "crash", Strike("worker_kill"))
    assert touches(CONTRACT, struck) == everywhere
    assert touches(CONTRACT, experiment("a", "shop.gold", "crash", Strike("broker_restart"))) == everywhere
    assert touches(CONTRACT, experiment("a", "shop.gold", "crash", Strike("no_op"))) == {"first"}
    assert touches(CONTRACT, experiment("a", "shop.unpromised", "crash")) == everywhere
    unrouted = Contract((Tier("gold", ("shop.*",)),), CONTRACT.workers)
    assert touches(unrouted, experiment("a", "shop.gold", "crash")) == everywhere
