"""What holds for every fault of the proxy: what goes through it, and what is said where none stands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.fault import injected
from harness.faults.broker_latency import BrokerLatency
from harness.faults.broker_reply_lost import BrokerReplyLost
from harness.stages.processes import Processes
from tests.faults.conftest import APP, Shop, settings


def reached(shop: Shop) -> dict[str, Any]:
    """What the app is told, and may reach."""
    return dict(json.loads((shop.world.folder / "probe.json").read_text(encoding="utf-8")))


def test_the_app_is_told_of_the_proxy_and_cannot_go_around_it(proxied: Shop) -> None:
    told = reached(proxied)
    proxy = proxied.inner.proxy
    assert proxy is not None
    allowed = {tuple(address) for address in told["allowed"]}
    for name in proxied.world.settings.proxies:
        assert proxy.address(name) in allowed
        assert proxy.servers[name].address not in allowed
    assert f":{proxy.ports['broker']}/" in told["broker_url"]
    assert f":{proxy.ports['results']}/" in told["result_url"]
    assert f":{proxy.ports['cache']}/" in told["cache_url"]


def test_without_one_the_app_is_told_of_the_servers_themselves(shop: Shop) -> None:
    assert shop.inner.proxy is None
    assert reached(shop)["broker_url"] == shop.world.broker.url()


def test_a_fault_that_needs_one_says_so_where_there_is_none(shop: Shop) -> None:
    struck = injected(BrokerLatency(), shop.world)
    with pytest.raises(UsageError, match="No proxy stands before the broker") as refused, struck:
        pass
    assert "harness_proxies('broker')" in str(refused.value.remedy)
    with pytest.raises(UsageError, match="no server 'mail'"):
        shop.world.link("mail")


def test_settings_that_make_no_sense_are_refused_and_nothing_is_armed(proxied: Shop) -> None:
    with pytest.raises(UsageError, match="counted from 1"), injected(BrokerReplyLost(nth=0), proxied.world):
        pass
    before = proxied.strikes
    assert proxied.works()
    assert proxied.strikes == before


@pytest.mark.parametrize(("server", "says"), [("database", "only where it is"), ("mail", "One of broker")])
def test_a_proxy_that_cannot_be_is_refused_before_anything_starts(
    tmp_path: Path, server: str, says: str
) -> None:
    asked = replace(settings(tmp_path, APP), proxies=(server,))
    with pytest.raises(UsageError, match="No proxy can stand before") as refused, Processes.open(asked):
        pass
    assert says in str(refused.value.remedy)
