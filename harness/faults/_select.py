"""Which workers a fault strikes, and how they come back."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import UsageError
from harness.stage import Worker, World


def chosen(
    world: World, *, queue: str | None = None, queues: Sequence[str] = (), worker: str | None = None
) -> list[Worker]:
    """The worker of that name, else all that consume any of the queues (there may be none), else all."""
    if worker is not None:
        if worker not in world.workers:
            known = ", ".join(world.workers)
            raise UsageError(f"There is no worker named {worker!r}.", remedy=f"There are: {known}.")
        return [world.workers[worker]]
    wanted = {queue, *queues} - {None}
    if not wanted:
        return list(world.workers.values())
    return [each for each in world.workers.values() if not each.queues or wanted & set(each.queues)]


def restart(world: World, victims: Sequence[Worker]) -> None:
    """Start all of them again, at once, then wait for each; while the broker is down there is no waiting.

    A worker without a broker tries to connect until there is one (`broker_connection_retry_on_startup`),
    and whoever took the broker away brings it back.
    """
    for victim in victims:
        victim.launch()
    for victim in victims:
        if world.broker.pid:
            victim.ready()
