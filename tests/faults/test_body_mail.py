"""Bodies fail with SMTPServerDisconnected, and run as they are afterwards."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.body_mail import BodyMail
from tests.faults.conftest import Shop


def test_only_tasks_that_match_fail_and_only_while_it_holds(shop: Shop) -> None:
    with injected(BodyMail(task="*.sell"), shop.world):
        struck = shop.outcome(shop.send("shop.sell"))
        spared = shop.outcome(shop.send("shop.tell"))
    assert struck.kind == "task-failed"
    assert "SMTPServerDisconnected" in str(struck.get("error_type"))
    assert spared.kind == "task-succeeded"
    assert shop.works()


def test_with_no_attempt_to_fail_nothing_fails(shop: Shop) -> None:
    with injected(BodyMail(attempts=0), shop.world):
        assert shop.works()
