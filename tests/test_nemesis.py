"""When faults strike and are healed is decided by the clock and the events, and by nothing else."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.faults.worker_kill import WorkerKill
from harness.history import Event
from harness.nemesis import Action, Schedule, fault_of, proxies, random_strikes
from harness.workload import Experiment, Strike, Trigger

BEGAN_S = 100.0


def schedule(*triggers: Trigger) -> Schedule:
    strikes = tuple(Strike("no_op", {}, trigger) for trigger in triggers)
    return Schedule(Experiment("payments", "critical", (), strikes), BEGAN_S)


def sent(task_id: str, experiment: str | None = "payments", at_s: float = 101.0) -> Event:
    return Event(at_s, "task-sent", task_id=task_id, data={"experiment": experiment})


def event(kind: str, task_id: str, at_s: float) -> Event:
    return Event(at_s, kind, task_id=task_id)


def struck(plan: Schedule, number: int, at_s: float) -> None:
    plan.plans[number].struck_at_s = at_s


def test_a_trigger_at_a_time_counts_from_the_beginning_of_the_experiment() -> None:
    plan = schedule(Trigger(at_s=5.0))
    assert not plan.waits_for_events()
    assert plan.next_s() == 105.0
    assert plan.due(104.9) == []
    assert plan.due(105.0) == [Action("strike", 0)]


def test_the_nth_event_of_a_kind_strikes_as_long_after_it_as_said() -> None:
    plan = schedule(Trigger(on="task-started", nth=2, at_s=3.0))
    plan.see([sent("a"), sent("b"), event("task-started", "a", 110.0)])
    assert plan.next_s() is None
    assert plan.waits_for_events()
    plan.see([event("task-received", "b", 111.0), event("task-started", "b", 112.0)])
    assert plan.next_s() == 115.0
    assert plan.due(115.0) == [Action("strike", 0)]


def test_later_events_of_the_kind_change_nothing() -> None:
    plan = schedule(Trigger(on="task-started"))
    plan.see([sent("a"), event("task-started", "a", 110.0)])
    plan.see([event("task-started", "a", 120.0)])
    assert plan.next_s() == 110.0


def test_events_of_other_experiments_and_of_the_app_s_own_tasks_do_not_count() -> None:
    plan = schedule(Trigger(on="task-started"))
    plan.see([sent("a", "payments/other"), sent("b", None), sent("c", "reports")])
    plan.see([event("task-started", task_id, 110.0) for task_id in "abc"])
    assert plan.next_s() is None


def test_a_fault_is_healed_as_long_after_its_strike_as_said() -> None:
    """From the strike itself, not from the moment at which it was due."""
    plan = schedule(Trigger(at_s=5.0, heal_after_s=30.0))
    struck(plan, 0, 107.0)
    assert plan.next_s() == 137.0
    assert plan.due(136.9) == []
    assert plan.due(137.0) == [Action("heal", 0)]


def test_a_fault_without_such_a_time_holds_until_the_end_and_nothing_is_pending() -> None:
    plan = schedule(Trigger(at_s=5.0))
    assert plan.pending()
    struck(plan, 0, 105.0)
    assert not plan.pending()
    assert plan.next_s() is None
    assert plan.due(1e9) == []
    assert plan.holding() == [0]


def test_what_is_still_to_strike_or_to_be_healed_is_pending() -> None:
    plan = schedule(Trigger(on="task-started", heal_after_s=1.0))
    assert plan.pending()
    plan.see([sent("a"), event("task-started", "a", 110.0)])
    assert plan.pending()
    struck(plan, 0, 110.0)
    assert plan.pending()
    plan.plans[0].healed = True
    assert not plan.pending()
    assert plan.holding() == []


def test_what_is_due_at_once_comes_in_order_of_time_and_heals_before_it_strikes() -> None:
    plan = schedule(Trigger(at_s=9.0), Trigger(at_s=2.0), Trigger(heal_after_s=9.0))
    struck(plan, 2, 100.0)
    assert plan.due(200.0) == [Action("strike", 1), Action("heal", 2), Action("strike", 0)]
    assert plan.next_s() == 102.0


def test_at_the_end_the_latest_strike_is_healed_first() -> None:
    plan = schedule(Trigger(), Trigger(), Trigger(), Trigger())
    struck(plan, 0, 120.0)
    struck(plan, 1, 110.0)
    struck(plan, 2, 130.0)
    assert plan.holding() == [2, 0, 1]


def test_a_strike_names_a_fault_and_its_settings() -> None:
    assert fault_of(Strike("worker_kill", {"worker": "critical"})) == WorkerKill(worker="critical")


@pytest.mark.parametrize(
    ("strike", "message"),
    [
        (Strike("worker_kil"), "Did you mean worker_kill"),
        (Strike("worker_kill", {"quue": "critical"}), "celery-harness explain worker_kill"),
    ],
)
def test_a_strike_that_makes_no_sense_is_refused_with_the_way_out(strike: Strike, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fault_of(strike)


MIX = (Strike("worker_kill", {"worker": "critical"}), Strike("broker_pause"), Strike("no_op"))


def mix(seed: int, duration_s: float = 1000.0) -> tuple[Strike, ...]:
    return random_strikes(seed, MIX, duration_s=duration_s, mean_gap_s=10.0, mean_hold_s=5.0)


def test_a_seed_gives_the_same_mix_each_time_and_another_seed_another() -> None:
    assert mix(1) == mix(1)
    assert mix(1) != mix(2)


def test_a_mix_takes_all_faults_with_their_settings_and_keeps_to_its_duration() -> None:
    strikes = mix(7)
    assert {strike.fault for strike in strikes} == {strike.fault for strike in MIX}
    assert all(
        strike.settings == {"worker": "critical"} for strike in strikes if strike.fault == "worker_kill"
    )
    assert all(0 < strike.when.at_s < 1000.0 for strike in strikes)
    assert 30 < len(strikes) < 130  # 15 s each on average: about 67


def test_no_fault_of_a_mix_strikes_while_another_holds_and_none_holds_beyond_its_end() -> None:
    """One fault must not heal what another one has broken."""
    for seed in range(50):
        free_at_s = 0.0
        for strike in mix(seed, 200.0):
            assert strike.when.at_s > free_at_s
            assert strike.when.heal_after_s is not None
            free_at_s = strike.when.at_s + strike.when.heal_after_s
        assert free_at_s <= 200.0 + 1e-9


def test_a_stage_is_told_which_proxies_its_faults_need() -> None:
    strikes = (
        Strike("broker_reply_lost"),
        Strike("broker_latency"),
        Strike("cache_black_hole"),
        Strike("no_op"),
    )
    assert proxies([Experiment("a", "t", (), strikes), Experiment("b", "t", ())]) == ("broker", "cache")
    assert proxies([Experiment("b", "t", (), (Strike("worker_kill"),))]) == ()
