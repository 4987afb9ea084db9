"""Schedules of faults in the tests of a stranger: searched, tried alone, and made by a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SHOP = """
    import time
    from celery import Celery

    app = Celery("shop", broker="redis://localhost/0", backend="redis://localhost/1")
    app.conf.update(
        task_acks_late={late}, task_reject_on_worker_lost=True, broker_connection_retry_on_startup=True,
        broker_transport_options={{"visibility_timeout": 600}}, task_default_queue="orders",
    )

    @app.task(name="shop.ship")
    def ship(order):
        time.sleep(0.2)
        return order
"""
CONTRACT = """
[tiers.orders]
tasks = ["shop.ship"]
queue = "orders"

[workers.one]
queues = ["orders"]
concurrency = 2

[samples."shop.ship"]
args = [1]
vary = 0
"""
SUITE = """
    import pytest
    from hypothesis.stateful import invariant, rule

    from harness.probe.steps import Point
    from harness.stateful import WorldMachine, check
    from harness.trials import Schedule, Task

    pytestmark = pytest.mark.harness_app("shop:app", contract="contract.toml")

    def test_no_order_is_lost(search):
        search("no_lost_task", examples=60)

    def test_a_worker_that_dies_before_it_acknowledges(laboratory):
        point = Point("ack", "0", 0, "before", "kill_worker")
        trial = laboratory.try_out(Schedule((Task("shop.ship"),), (point,)))
        assert len(list(trial.history.of("body-entered"))) == 2

    class Orders(WorldMachine):
        @rule()
        def lose_a_worker_at_work(self):
            self.send_task("shop.ship")
            self.world.advance(lambda: False, within_s=0.1)
            self.world.workers["one"].kill()

        @invariant()
        def a_worker_is_there_or_comes_back(self):
            assert len(self.world.workers) == 1

    def test_orders(laboratory):
        check(Orders, laboratory, examples=15, steps=4)
"""


def suite(pytester: pytest.Pytester, *, late: bool) -> pytest.RunResult:
    """A stranger's folder: an app that is right or acknowledges too early, its contract, and its tests."""
    pytester.makepyfile(shop=SHOP.format(late=late), test_shop=SUITE)
    Path(pytester.path / "contract.toml").write_text(CONTRACT, encoding="utf-8")
    return pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider")


def test_a_right_app_stands_search_and_machines(pytester: pytest.Pytester) -> None:
    suite(pytester, late=True).assert_outcomes(passed=3)


def test_an_app_that_acknowledges_too_early_is_shown_the_smallest_way_to_lose_a_task(
    pytester: pytest.Pytester,
) -> None:
    """By the fixture with schedule and token, by the machine with its rules."""
    result = suite(pytester, late=False)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines_random([
        "BROKEN no_lost_task [[]orders]: *",
        "  task 0: shop.ship at 0 s",
        "  found in * schedules; search --token * runs it again",
        "E*broken no_lost_task [[]orders]: *",
        "*state.lose_a_worker_at_work()*",
    ])  # fmt: skip
