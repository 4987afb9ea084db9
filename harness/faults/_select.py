"""Which workers a fault strikes, and how they come back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.errors import UsageError
from harness.stage import Worker, World


def chosen(
    world: World, *, queue: str | None = None, queues: Sequence[str] = (), worker: str | None = None
) -> list[Worker]:
    """The worker of that name, else all that consume any of the queues, else all."""
    if worker is not None:
        if worker not in world.workers:
            known = ", ".join(world.workers)
            raise UsageError(f"There is no worker named {worker!r}.", remedy=f"There are: {known}.")
        return [world.workers[worker]]
    wanted = {queue, *queues} - {None}
    if not wanted:
        return list(world.workers.values())
    return [each for each in world.workers.values() if not each.queues or wanted & set(each.queues)]


def restart(victims: Iterable[Worker]) -> None:
    """Start all of them again, at once, then wait for each."""
    for victim in victims:
        victim.launch()
    for victim in victims:
        victim.ready()
