"""Redis has no alarm for its disk, and says so; RabbitMQ's is in `tests/brokers/test_rabbitmq.py`."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.fault import injected
from harness.faults.broker_disk_full import BrokerDiskFull
from tests.faults.conftest import Shop


def test_redis_says_what_has_one(shop: Shop) -> None:
    with pytest.raises(UsageError, match="--broker rabbitmq"), injected(BrokerDiskFull(), shop.world):
        pass
    assert shop.works()
