"""The pytest plugin, as a stranger's test suite meets it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.contract import Contract, Tier
from harness.history import Header, History
from harness.plugin import Judgement, target_of
from harness.verdict import Outcome, Verdict

pytest_plugins = ["pytester"]

KEPT = Verdict("retry_cap", "a", Outcome.KEPT, "six attempts", "6 attempts")
BROKEN = replace(KEPT, tier="b", outcome=Outcome.BROKEN, observed="1 attempt", blame="no autoretry_for")
UNKNOWN = replace(KEPT, tier="c", outcome=Outcome.UNKNOWN, observed="never ran")

SHOP = """
    from celery import Celery
    app = Celery("shop", broker="redis://localhost/0", backend="redis://localhost/1")

    @app.task(name="shop.ship", acks_late=True)
    def ship(number: int) -> int:
        return number
"""


def judgement(*verdicts: Verdict) -> Judgement:
    """What a run came to that gave these verdicts."""
    return Judgement(verdicts, History(Header(), ()), Contract((Tier("a", ("*",)),)))


def test_kept_is_asserted_for_every_tier_or_for_one() -> None:
    """Unknown fails like broken, and the story is in the message."""
    judgement(KEPT).assert_kept("retry_cap")
    judgement(KEPT, BROKEN, UNKNOWN).assert_kept("retry_cap", "a")
    with pytest.raises(AssertionError, match=r"broken retry_cap \[b\]: 1 attempt"):
        judgement(KEPT, BROKEN).assert_kept("retry_cap")
    with pytest.raises(AssertionError, match=r"unknown retry_cap \[c\]: never ran"):
        judgement(KEPT, UNKNOWN).assert_kept("retry_cap")


def test_what_nobody_promises_is_not_kept() -> None:
    """An assertion about nothing would be green for ever."""
    with pytest.raises(AssertionError, match="nothing promises rate_limit"):
        judgement(KEPT).assert_kept("rate_limit")
    with pytest.raises(AssertionError, match="nothing promises retry_cap in tier z"):
        judgement(KEPT).assert_kept("retry_cap", "z")


def test_broken_is_asserted_with_what_the_verdict_says() -> None:
    """A guarantee that is broken for another reason does not pass for it."""
    assert judgement(KEPT, BROKEN).assert_broken("retry_cap", says="no autoretry_for") is BROKEN
    with pytest.raises(AssertionError, match="without the words 'backoff'"):
        judgement(BROKEN).assert_broken("retry_cap", says="backoff")
    with pytest.raises(AssertionError, match="kept"):
        judgement(KEPT).assert_broken("retry_cap")
    with pytest.raises(AssertionError, match="unknown"):
        judgement(UNKNOWN).assert_broken("retry_cap")


def test_outcomes_by_tier() -> None:
    """For assertions of one's own."""
    assert judgement(KEPT, UNKNOWN).outcomes("retry_cap") == {"a": Outcome.KEPT, "c": Outcome.UNKNOWN}


def test_a_target_takes_a_contract_as_it_is(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    """No file is looked for where the promises are given."""
    promises = Contract((Tier("all", ("*",)),))
    target = target_of(pytestconfig, app="shop:app", contract=promises, workdir=tmp_path)
    assert (target.contract, target.workdir) == (promises, tmp_path)


def test_the_header_says_which_stage_and_why(pytester: pytest.Pytester) -> None:
    """Stage, broker and its version, or what is missing; warp."""
    result = pytester.runpytest_subprocess("--warp", "off")
    result.stdout.fnmatch_lines(["celery-harness: stage processes, broker redis (*), warp off"])


def test_without_an_engine_scenarios_for_containers_run_on_processes(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line says what is missing; what makes sense in containers only is skipped."""
    pytest.importorskip("docker")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{pytester.path}/nobody.sock")
    monkeypatch.delenv("CELERY_HARNESS_CONTAINERS", raising=False)
    pytester.makepyfile(
        shop=SHOP,
        test_shop="""
            import pytest

            @pytest.mark.harness_stage("containers", why="a disk is filled")
            def test_boxed():
                assert False

            @pytest.mark.harness_app("shop:app", workdir=".")
            def test_plain(world):
                assert type(world.launcher).__name__ == "ProcessLauncher"
        """,
    )
    result = pytester.runpytest_subprocess("--stage", "containers")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "celery-harness: no stage containers: No container engine answers *; on processes what can be",
            "celery-harness: stage processes, broker redis (*), warp auto",
        ]
    )
    monkeypatch.setenv("CELERY_HARNESS_CONTAINERS", "1")
    monkeypatch.setenv("CI", "true")
    pytester.runpytest_subprocess("--stage", "containers").assert_outcomes(errors=1, passed=0, failed=1)


def test_a_test_without_an_app_is_told_how_to_name_one(pytester: pytest.Pytester) -> None:
    """The error is the way out."""
    pytester.makepyfile("def test_it(contract): pass")
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines(
        ["*No app was named: give --harness-app, or mark the test with harness_app.*"]
    )


@pytest.mark.parametrize(("ci", "outcome"), [("", "skipped"), ("true", "failed")])
def test_a_missing_service_skips_and_fails_in_ci(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str
) -> None:
    """With the one line that gets it; a green without the service would prove nothing in CI."""
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", str(pytester.path))
    pytester.makepyfile("def test_it(stage): pass")
    result = pytester.runpytest_subprocess("-rs", "--broker", "rabbitmq")
    result.assert_outcomes(**{"skipped" if outcome == "skipped" else "errors": 1})
    result.stdout.fnmatch_lines(["*stage processes with rabbitmq: *: *"])


def test_a_suite_of_its_own_verifies_an_app(pytester: pytest.Pytester) -> None:
    """Marker, shared run, a world to strike, and the low-level names, in a stranger's folder."""
    pytester.makepyfile(shop=SHOP)
    pytester.makepyfile(
        """
        import pytest
        from harness.workload import Body, Experiment, Send, Strike, Trigger

        pytestmark = pytest.mark.harness_app("shop:app")

        def test_kept(verify):
            verify("no_lost_task", alone=True).assert_kept("no_lost_task")

        def test_low_level(conduct, worker, workers, broker, mailbox, database, filesystem, inject):
            assert worker.pid and worker in workers.values() and broker.pid and filesystem.is_dir()
            with inject("no_op"):
                found = conduct(Experiment("mine", "shop", (Send("shop.ship", count=3),)))
            assert len(list(found.history.of("task-succeeded"))) == 3
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:randomly")
    result.assert_outcomes(passed=2)


def test_pytest_celery_s_names_are_ours_where_it_is_not_installed(pytester: pytest.Pytester) -> None:
    """They mean the same; its own fixtures are left alone."""
    ours = "celery_broker -- "
    with_it = pytester.runpytest_subprocess("--fixtures")
    without = pytester.runpytest_subprocess("--fixtures", "-p", "no:celery")
    assert "harness/plugin.py" in _where(without.stdout.str(), ours)
    assert "pytest_celery/fixtures" in _where(with_it.stdout.str(), ours)


def _where(listing: str, fixture: str) -> str:
    return next(line for line in listing.splitlines() if line.startswith(fixture))
