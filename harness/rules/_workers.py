"""Which pools the tasks of an app run in."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration


def pools(app: Configuration) -> Iterator[tuple[str, str, tuple[str, ...] | None, str]]:
    """Worker, pool, queues (None: all) and origin: from the contract, else the commands, else the setting."""
    if app.workers is not None and app.contract is not None:
        for worker in app.workers:
            origin = app.contract.origin(f"workers.{worker.name}.pool")
            yield worker.name, worker.pool, app.consumed(worker), origin
        return
    named = [(command, _pool(command.words)) for command in app.commands or ()]
    for command, pool in named:
        if pool:
            yield command.hostname or "worker", pool, None, command.where
    if not any(pool for _, pool in named):
        setting = app.conf("worker_pool")
        if isinstance(setting.value, str):
            yield "worker_pool", setting.value, None, setting.origin


def _pool(words: tuple[str, ...]) -> str:
    """What ``-P`` says; empty where the command has none."""
    for place, word in enumerate(words):
        if word in ("-P", "--pool"):
            return words[place + 1] if place + 1 < len(words) else ""
        if word.startswith("--pool=") or (word.startswith("-P") and len(word) > 2):
            return word.removeprefix("--pool=").removeprefix("-P")
    return ""
