"""Services of the user's own beside a stage: containers of testcontainers, on its network, ended with it.

Nothing of testcontainers is imported here: whatever has `start`, `get_wrapped_container` and `ports` will do.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from harness import engine
from harness.container_launcher import ContainerLauncher
from harness.errors import StageError, UsageError


def join(launcher: ContainerLauncher, services: Mapping[str, Any]) -> dict[str, tuple[str, int]]:
    """Start the services, each under its name; the address of the first port that each exposes.

    They carry the run's labels, so that its reaper removes them and testcontainers needs none of its own.
    They wait for themselves as they always do, by a port of this machine, and join the network then.
    """
    addresses = {}
    for name, service in services.items():
        ports = [int(str(port).partition("/")[0]) for port in service.ports]
        if not ports:
            raise UsageError(f"The service {name} exposes no port.", remedy="with_exposed_ports(PORT)")
        _own(service, launcher.labels)
        try:
            service.start()
        except Exception as error:  # testcontainers lets through what its own libraries raise
            raise StageError(f"The service {name} did not start: {error}.") from error
        container = str(service.get_wrapped_container().id)
        with engine.told(f"connect the service {name}"):
            address = launcher.adopt(name, container)
        addresses[name] = address, ports[0]
    return addresses


def _own(service: Any, labels: Mapping[str, str]) -> None:
    """Have it labelled as ours, whatever else its container is made with."""
    given = dict(getattr(service, "_kwargs", {}))
    service.with_kwargs(**{**given, "labels": {**(given.get("labels") or {}), **labels}})
    config = sys.modules.get("testcontainers.core.config")
    if config is not None:
        config.testcontainers_config.ryuk_disabled = True
