"""The nemesis acts on a real stage: what it strikes it heals, in time, or else at the end."""

from __future__ import annotations

import pytest

from harness.errors import StageError, UsageError
from harness.nemesis import Nemesis
from harness.workload import Experiment, Strike, Trigger
from tests.faults.conftest import Shop


def nemesis(shop: Shop, *strikes: Strike, name: str = "sales") -> Nemesis:
    return Nemesis(shop.world, Experiment(name, "shop", (), strikes), shop.world.clock.now_s())


def conducted(shop: Shop, it: Nemesis, within_s: float) -> None:
    """Let time pass, and the nemesis act when it wants to."""
    end_s = shop.world.clock.now_s() + within_s
    while (left_s := end_s - shop.world.clock.now_s()) > 0:
        shop.world.advance(it.ready, within_s=left_s, wake_at_s=it.wake_at_s)
        it.act()


def ends(shop: Shop, since: int) -> list[tuple[str, object]]:
    found = shop.events("fault-injected", "fault-healed")[since:]
    return [(event.kind.removeprefix("fault-"), event.get("fault")) for event in found]


def ends_so_far(shop: Shop) -> int:
    return len(shop.events("fault-injected", "fault-healed"))


def test_faults_strike_and_are_healed_at_their_times(shop: Shop) -> None:
    before, began_s = ends_so_far(shop), shop.world.clock.now_s()
    it = nemesis(
        shop,
        Strike("no_op", {}, Trigger(at_s=20.0, heal_after_s=5.0)),
        Strike("mail_refuses", {}, Trigger(at_s=10.0, heal_after_s=30.0)),
    )
    assert it.wake_at_s() == pytest.approx(began_s + 10.0, abs=5)
    conducted(shop, it, 60.0)
    assert not it.pending()
    assert ends(shop, before) == [
        ("injected", "mail_refuses"), ("injected", "no_op"), ("healed", "no_op"), ("healed", "mail_refuses"),
    ]  # fmt: skip
    times_s = [e.at_s - began_s for e in shop.events("fault-injected", "fault-healed")[before:]]
    assert times_s == pytest.approx([10, 20, 25, 40], abs=4.9)
    it.close()
    assert ends_so_far(shop) == before + 4


def test_an_event_of_the_experiment_triggers_and_those_of_others_do_not(shop: Shop) -> None:
    before = ends_so_far(shop)
    it = nemesis(shop, Strike("no_op", {}, Trigger(on="task-succeeded", nth=2)))
    shop.outcome(shop.send(experiment="purchases"))
    shop.outcome(shop.send(experiment="sales"))
    it.act()
    assert ends(shop, before) == []
    shop.outcome(shop.send(experiment="sales"))
    it.act()
    assert ends(shop, before) == [("injected", "no_op")]
    it.close()
    assert ends(shop, before) == [("injected", "no_op"), ("healed", "no_op")]


def test_closing_heals_the_latest_first_and_all_of_them_when_one_healing_fails(shop: Shop) -> None:
    before = ends_so_far(shop)
    it = nemesis(
        shop,
        Strike("cache_gone"),
        Strike("mail_refuses", {}, Trigger(at_s=0.4)),
        Strike("results_gone", {}, Trigger(at_s=0.2)),
    )
    conducted(shop, it, 1.0)
    shop.inner.launcher.end(shop.inner.mail.pid)
    with pytest.raises(StageError, match="mail server does not run"):
        it.close()
    shop.inner.mail.start()
    names = ["cache_gone", "results_gone", "mail_refuses"]
    assert ends(shop, before) == [("injected", n) for n in names] + [("healed", n) for n in names[::-1]]
    assert shop.works()


def test_a_strike_that_fails_ends_the_experiment_and_leaves_nothing_struck(shop: Shop) -> None:
    it = nemesis(shop, Strike("worker_kill", {"worker": "nobody"}))
    with pytest.raises(UsageError, match="nobody"):
        it.act()
    it.close()
    assert shop.works()


def test_what_makes_no_sense_is_refused_before_anything_is_struck(shop: Shop) -> None:
    with pytest.raises(UsageError):
        nemesis(shop, Strike("no_op"), Strike("worker_kil"))
