"""What the faults of the proxy have in common: which server they are about, and which command."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.errors import UsageError
from harness.fault import Fault
from harness.proxy.rules import Action, Side
from harness.stage import World

USUAL: Mapping[tuple[str, str], str] = {
    ("broker", "resp"): "LPUSH",
    ("broker", "amqp"): "basic.publish",
    ("results", "resp"): "EXEC",
    ("cache", "resp"): "SET",
    ("database", "postgres"): "COMMIT",
}
"""The command that is meant where none is named: a publish (`kombu/transport/redis.py: _put`), the storing
of a result (`celery/backends/redis.py: _set`), the taking of a lock, the end of a transaction."""


@dataclass(frozen=True, slots=True)
class AtCommand(Fault):
    """A fault at the `nth` command of a kind after it was injected."""

    proxied: ClassVar[str]
    action: ClassVar[Action]

    command: str | None = None
    nth: int = 1
    where: str = ""

    def strike(self, world: World) -> AbstractContextManager[None]:
        """Arm the rule; the command that it is about may come at any time while the context lasts."""
        link = world.link(self.proxied)
        command = self.command or USUAL.get((self.proxied, link.protocol))
        if command is None:
            raise UsageError(f"{self.name} needs a command.", remedy="Name one, such as PING.")
        return link.rule(
            fault=self.name,
            action=self.action,
            command=command,
            nth=self.nth,
            where=self.where,
            **self.more(),
        )

    def more(self) -> dict[str, Any]:
        """Further fields of the rule."""
        return {}


@dataclass(frozen=True, slots=True)
class CommandCut(AtCommand):
    """Resets the connection before or after a command."""

    action: ClassVar[Action] = "cut"

    after: bool = False
    sender: Side = "client"

    def more(self) -> dict[str, Any]:
        """On which side of the command, and whose it is."""
        return {"after": self.after, "sender": self.sender}


@dataclass(frozen=True, slots=True)
class ReplyLost(AtCommand):
    """Passes a command on, keeps its reply, and resets the connection."""

    action: ClassVar[Action] = "lose"


@dataclass(frozen=True, slots=True)
class CommandTwice(AtCommand):
    """Passes a command on two times."""

    action: ClassVar[Action] = "twice"


@dataclass(frozen=True, slots=True)
class CommandError(AtCommand):
    """Answers a command with an error."""

    action: ClassVar[Action] = "error"

    error: str = ""
    times: int = 1

    def more(self) -> dict[str, Any]:
        """What the client is told, and how many times."""
        return {"error": self.error, "times": self.times}


@dataclass(frozen=True, slots=True)
class CommandHeld(AtCommand):
    """Keeps a command, and all that follows it."""

    action: ClassVar[Action] = "hold"

    sender: Side = "client"

    def more(self) -> dict[str, Any]:
        """Whose command it is."""
        return {"sender": self.sender}


@dataclass(frozen=True, slots=True)
class Latency(Fault):
    """Makes everything take time."""

    proxied: ClassVar[str]

    latency_s: float = 0.1
    jitter_s: float = 0.0

    def strike(self, world: World) -> AbstractContextManager[None]:
        """Slow the link down."""
        return world.link(self.proxied).slow(latency_s=self.latency_s, jitter_s=self.jitter_s)


@dataclass(frozen=True, slots=True)
class Bandwidth(Fault):
    """Lets only so many bytes through in a second."""

    proxied: ClassVar[str]

    bytes_per_s: float = 10_000.0

    def strike(self, world: World) -> AbstractContextManager[None]:
        """Slow the link down."""
        return world.link(self.proxied).slow(bytes_per_s=self.bytes_per_s)


@dataclass(frozen=True, slots=True)
class HalfOpen(Fault):
    """Ends every connection for one side only."""

    proxied: ClassVar[str]

    left: Side = "client"

    def strike(self, world: World) -> AbstractContextManager[None]:
        """Close one side's ends."""
        return world.link(self.proxied).half_open(self.left)
