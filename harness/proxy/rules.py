"""What a proxy does to single commands: plain data, and the counting that says when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Side = Literal["client", "server"]
Action = Literal["cut", "lose", "twice", "error", "hold"]
ACTIONS: tuple[Action, ...] = ("cut", "lose", "twice", "error", "hold")


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest part of a protocol that a rule can be about, with all its bytes.

    `name` is a command of Redis (``LPUSH``), a method of AMQP (``basic.publish``; its content follows as
    ``basic.publish.header``, ``basic.publish.body`` and, the last frame of the body,
    ``basic.publish.end``), or the first word of an SQL statement (``COMMIT``).
    """

    name: str
    raw: bytes
    channel: int = 0
    about: bytes = b""
    """Of a frame of a message's body: the message's header, which says whose it is; of the end of a
    transaction of Redis: the commands of the transaction."""


@dataclass(slots=True)
class Rule:
    """Do something at the `nth` command of a kind, counted from 1 over all connections of a link.

    `where` is a text that must be in the command's bytes (a key, a queue, a task's name), or for a lost reply
    of Redis in those of either; `sender` says
    which side's units are meant; `times` is how many are struck, from the nth on. Actions: ``cut`` resets
    the connection, before the command or, with `after`, when it was passed on; ``lose`` passes the
    command on, keeps its reply, and resets; ``twice`` passes it on two times, and the client gets one
    reply; ``error`` answers with `error` instead; ``hold`` keeps it, and all that follows it.
    """

    number: int
    fault: str
    action: Action
    command: str
    nth: int = 1
    times: int = 1
    where: str = ""
    sender: Side = "client"
    after: bool = False
    error: str = ""
    seen: int = 0

    def __post_init__(self) -> None:
        """Raises `ValueError` for what makes no sense, in words for whoever has asked for it."""
        if not self.command:
            raise ValueError("it names no command")
        if self.nth < 1 or self.times < 1:
            raise ValueError("nth and times are counted from 1")
        if self.sender not in ("client", "server"):
            raise ValueError(f"sender is client or server, not {self.sender!r}")
        if self.action not in ACTIONS:
            raise ValueError(f"there is no action {self.action!r}: {', '.join(ACTIONS)}")
        if self.sender == "server" and self.action not in ("cut", "hold"):
            raise ValueError("what the server sends can only be cut or held")

    def hit(self, unit: Unit, sender: Side) -> bool:
        """Count a unit; whether it is to be struck."""
        if sender != self.sender or unit.name != self.command:
            return False
        if self.where and self.where.encode() not in unit.raw + unit.about:
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times

    @property
    def step(self) -> str:
        """The step of the protocol at which it strikes, for the record."""
        steps = {"lose": "reply", "twice": "forwarded twice", "error": "answered", "hold": "held"}
        return steps.get(self.action, "after" if self.after else "before")
