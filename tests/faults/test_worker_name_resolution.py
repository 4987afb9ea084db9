"""Names are not resolved, and are again."""

from __future__ import annotations

from harness.fault import injected
from harness.faults.worker_name_resolution import WorkerNameResolution
from tests.faults.conftest import Shop


def test_new_connections_fail_by_their_name_and_open_ones_stay(shop: Shop) -> None:
    port = shop.inner.mail.address[1]
    with injected(WorkerNameResolution(), shop.world):
        assert "Temporary failure in name resolution" in shop.error("shop.reach", port)
        assert shop.works()
    assert not shop.error("shop.reach", port)


def test_other_servers_are_found(shop: Shop) -> None:
    port = shop.inner.mail.address[1]
    with injected(WorkerNameResolution(server=f"*:{port + 1}", error="EAI_NONAME"), shop.world):
        assert not shop.error("shop.reach", port)
    with injected(WorkerNameResolution(server=f"*:{port}", error="EAI_NONAME"), shop.world):
        assert "Name or service not known" in shop.error("shop.reach", port)


def test_a_worker_whose_broker_is_gone_finds_it_again_when_names_are_resolved_again(shop: Shop) -> None:
    with injected(WorkerNameResolution(), shop.world):
        shop.world.broker.drop_connections()
        waiting = shop.send()
        shop.published(waiting)
        ends = ("task-succeeded", "task-failed")
        assert not shop.world.advance(lambda: bool(shop.events(*ends, task_id=waiting)), within_s=20)
    assert shop.outcome(waiting).kind == "task-succeeded"
