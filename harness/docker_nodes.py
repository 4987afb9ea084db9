"""The RabbitMQ nodes of a session of pytest-celery: one of each kind goes from container to container."""

from __future__ import annotations

from threading import Thread
from typing import Any

from kombu import pools

from harness import discovery
from harness.errors import StageError
from harness.launcher import ProcessLauncher

FRESH_VHOST = (
    'rabbit_vhost:delete(<<"/">>, <<"harness">>), rabbit_vhost:add(<<"/">>, <<"harness">>), '
    'rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"/">>, '
    '<<".*">>, <<".*">>, <<".*">>, <<"harness">>).'
)


class Nodes:
    """Nodes with and without management; whoever comes while the kept one is taken gets one of their own."""

    def __init__(self, launcher: ProcessLauncher) -> None:
        self._launcher = launcher
        self._kept: dict[bool, Any] = {}
        self._holders: dict[bool, object] = {}
        self._tidying: dict[bool, Thread] = {}

    def take(self, holder: object, *, management: bool) -> Any:
        """The kept node of this kind, else a new one; `StageError` without RabbitMQ."""
        kind: Any = discovery.find("brokers", "rabbitmq")
        found = kind.available()
        if not found.ok:
            raise StageError(f"{found.why}.", remedy=found.remedy)
        if management not in self._holders and management in self._kept:
            self._tidied(management)
            node = self._kept[management]
        else:
            node = kind(self._launcher)
            node.folder = node.folder.with_name(f"rabbitmq-{node.port}")
            node.management_port = self._launcher.free_port() if management else 0
        if management not in self._holders:
            self._kept[management], self._holders[management] = node, holder
        return node

    def give_back(self, holder: object, node: Any) -> None:
        """A kept node that runs gets an empty vhost while the next test prepares; any other ends."""
        management = bool(node.management_port)
        if self._holders.get(management) is not holder:
            node.stop()
            return
        del self._holders[management]
        if not node.pid:  # killed, and its data are those of a test that is over
            del self._kept[management]
            node.stop()
        # The next app under this address would be handed the connections of this one (`kombu/pools.py`).
        forget: Any = pools.reset
        forget()
        if node.pid:
            tidying = Thread(target=node.control, args=("eval", FRESH_VHOST), daemon=True)
            self._tidying[management] = tidying
            tidying.start()

    def close(self) -> None:
        """Wait for what is under way; the nodes end with the launcher."""
        for management in list(self._tidying):
            self._tidied(management)

    def _tidied(self, management: bool) -> None:  # noqa: FBT001 - the kind of a node
        if management in self._tidying:
            self._tidying.pop(management).join()
