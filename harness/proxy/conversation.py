"""One connection through the proxy, without input or output of its own: bytes in, what to do out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.proxy.rules import Action, Rule, Side, Unit


@dataclass(frozen=True, slots=True)
class Send:
    """Pass bytes on to one side."""

    to: Side
    data: bytearray


@dataclass(frozen=True, slots=True)
class Cut:
    """End the connection: the server gets all that was sent to it and then the end, the client a reset.

    Without `reset` the client too gets what was sent to it, and then the end.
    """

    reset: bool = True


@dataclass(frozen=True, slots=True)
class Struck:
    """A rule has struck, at this unit (``lose``: at the reply)."""

    rule: Rule
    command: Unit
    reply: bytes = b""


Step = Send | Cut | Struck
OTHER: dict[Side, Side] = {"client": "server", "server": "client"}


@dataclass(slots=True)
class Steps:
    """What to do, in order; bytes for the same side are put together."""

    done: list[Step] = field(default_factory=list)

    def send(self, to: Side, data: bytes) -> None:
        """Pass on, if there is anything."""
        if not data:
            return
        last = self.done[-1] if self.done else None
        if isinstance(last, Send) and last.to == to:
            last.data.extend(data)
        else:
            self.done.append(Send(to, bytearray(data)))


class Stream(ABC):
    """Takes one direction's bytes apart, however they were cut into pieces on their way."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        """What has come of a unit that is not complete; all that came since where the stream is `broken`."""
        self.broken = False
        """These bytes are not the protocol's: from here on they can be carried and not be understood."""

    @abstractmethod
    def feed(self, data: bytes) -> list[Unit]:
        """The units that are complete now."""


@dataclass(frozen=True, slots=True)
class _Held:
    rule: int
    units: list[Unit]


class Conversation(ABC):
    """Both directions of one connection, and what the rules make of them.

    Only whole units are passed on, so that a rule can still keep any of them. Where the bytes are not
    the protocol's (TLS, for one) everything is passed on as it comes, and no rule strikes.
    """

    def __init__(self, rules: Sequence[Rule], requests: Stream, replies: Stream) -> None:
        self.rules = rules
        self._requests = requests
        self._replies = replies
        self._held: dict[Side, _Held] = {}
        self._transparent = False
        self._over = False

    def holds(self, sender: Side) -> bool:
        """Whether a rule holds what this side has sent."""
        return sender in self._held

    def from_client(self, data: bytes) -> list[Step]:
        """The client has sent this."""
        return self._from("client", self._requests, data)

    def from_server(self, data: bytes) -> list[Step]:
        """The server has sent this."""
        return self._from("server", self._replies, data)

    def release(self, rule: int) -> list[Step]:
        """What the rule of that number has held goes on, in order."""
        steps = Steps()
        for sender in [side for side, held in self._held.items() if held.rule == rule]:
            units = self._held.pop(sender).units
            self._pass(sender, units[0], steps)
            self._take(sender, units[1:], steps)
        return steps.done

    def _from(self, sender: Side, stream: Stream, data: bytes) -> list[Step]:
        if self._over:
            return []
        steps = Steps()
        if self._transparent:
            steps.send(OTHER[sender], data)
            return steps.done
        self._take(sender, stream.feed(data), steps)
        if stream.broken and not self._over:
            self._transparent = True
            steps.send(OTHER["client"], bytes(self._requests.buffer))
            steps.send(OTHER["server"], bytes(self._replies.buffer))
        return steps.done

    def _take(self, sender: Side, units: Sequence[Unit], steps: Steps) -> None:
        for place, unit in enumerate(units):
            if self._over:
                return
            if sender in self._held:
                self._held[sender].units.extend(units[place:])
                return
            rule = self._rule(sender, unit) if self.rules else None
            if rule is None:
                self._pass(sender, unit, steps)
            elif rule.action == "hold":
                steps.done.append(Struck(rule, unit))
                self._held[sender] = _Held(rule.number, [unit])
            elif rule.action == "cut":
                if rule.after:
                    self._pass(sender, unit, steps)
                steps.done.append(Struck(rule, unit))
                self._cut(steps)
            else:
                self._strike(rule, unit, steps)

    def _strike(self, rule: Rule, unit: Unit, steps: Steps) -> None:
        if rule.action == "lose":
            self._lose(rule, unit, steps)
            return
        steps.done.append(Struck(rule, unit))
        if rule.action == "twice":
            self._twice(unit, steps)
        else:
            self._error(rule, unit, steps)

    def _rule(self, sender: Side, unit: Unit) -> Rule | None:
        for rule in self.rules:
            if (sender == "server" or self._can(rule.action, unit)) and rule.hit(unit, sender):
                return rule
        return None

    def _cut(self, steps: Steps, *, reset: bool = True) -> None:
        steps.done.append(Cut(reset=reset))
        self._over = True

    def _pass(self, sender: Side, unit: Unit, steps: Steps) -> None:
        if sender == "client":
            self._request(unit, steps)
        else:
            self._reply(unit, steps)

    @abstractmethod
    def _can(self, action: Action, unit: Unit) -> bool:
        """Whether this can be done to a unit of the client's: not every one has a reply to lose."""

    @abstractmethod
    def _request(self, unit: Unit, steps: Steps) -> None:
        """Pass a command on, and keep in mind that a reply is to come."""

    @abstractmethod
    def _reply(self, unit: Unit, steps: Steps) -> None:
        """Do with a unit of the server's what its command is waiting for."""

    @abstractmethod
    def _lose(self, rule: Rule, unit: Unit, steps: Steps) -> None:
        """Pass a command on; its reply is not to reach the client."""

    @abstractmethod
    def _twice(self, unit: Unit, steps: Steps) -> None:
        """Pass a command on two times; one reply is to reach the client."""

    @abstractmethod
    def _error(self, rule: Rule, unit: Unit, steps: Steps) -> None:
        """Answer with an error, and leave client and server in a state that fits."""


def split_error(text: str, default: str) -> tuple[str, str]:
    """Code and words of an error: ``"406 PRECONDITION_FAILED"``; the default's where none is given."""
    code, _, words = (text or default).partition(" ")
    return code, words or code
