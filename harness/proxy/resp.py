"""RESP, the protocol of Redis and Valkey, versions 2 and 3 (https://valkey.io/topics/protocol/)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from harness.proxy.conversation import Conversation, Steps, Stream, Struck
from harness.proxy.rules import Action, Rule, Unit

LINE_LIMIT = 1_048_576
"""Bytes without a line's end that are still taken for RESP; a server's own limit is 64 KiB."""
SIMPLE = b"+-:_#,("
BULK = b"$=!"
NESTED = {0x2A: 1, 0x7E: 1, 0x3E: 1, 0x25: 2, 0x7C: 2}
"""``*``, ``~`` and ``>``: so many values as they say; ``%`` and ``|``: twice as many."""
TYPES = frozenset(SIMPLE + BULK + bytes(NESTED))
ATTRIBUTE, PUSH = 0x7C, 0x3E
SUBSCRIBING = frozenset(
    {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"}
)
"""Commands whose answers are messages like those that come unasked (https://valkey.io/topics/pubsub/)."""
UNASKED = frozenset(name.lower() for name in SUBSCRIBING) | {"message", "pmessage", "smessage"}
UNKNOWN = b"*1\r\n$28\r\nCELERY.HARNESS.ORDERED.ERROR\r\n"
"""The server refuses it, and with it a transaction that is open, as it would for an error of its own."""
DISCARD = b"*1\r\n$7\r\nDISCARD\r\n"
DEFAULT_ERROR = "ERR ordered by the harness"


class RespStream(Stream):
    """Values at the top level, each with all its bytes; nothing is looked at twice."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0
        self._open: list[int] = []

    def feed(self, data: bytes) -> list[Unit]:
        """The values that are complete now; the name is the first word, in capitals."""
        buffer = self.buffer
        buffer += data
        units: list[Unit] = []
        start = 0
        try:
            while self._at < len(buffer) and (complete := self._value(buffer)) is not None:
                if complete:
                    raw = bytes(buffer[start : self._at])
                    start = self._at
                    units.append(Unit(first_word(raw), raw))
        except ValueError:
            self.broken = True
        del buffer[:start]
        self._at -= start
        return units

    def _value(self, buffer: bytearray) -> bool | None:
        """Pass one value; whether it completes one at the top level, None where bytes are missing."""
        at = self._at
        kind = buffer[at]
        # At the top level a line without a type is an inline command.
        if kind not in TYPES and (self._open or not 0x20 <= kind < 0x7F):
            raise ValueError("no value begins so")
        end = buffer.find(b"\r\n", at)
        if end < 0:
            if len(buffer) - at > LINE_LIMIT:
                raise ValueError("no line's end")
            return None
        missing = 0
        after = end + 2
        if kind in BULK:
            after += size + 2 if (size := int(buffer[at + 1 : end])) >= 0 else 0  # -1: none
            if after > len(buffer):
                return None
        elif kind in NESTED:
            missing = max(0, int(buffer[at + 1 : end])) * NESTED[kind] + (kind == ATTRIBUTE)
        self._at = after
        if missing:
            self._open.append(missing)
        return not missing and self._closes()

    def _closes(self) -> bool:
        """Count a value that is complete; whether nothing around it is open any more."""
        while self._open:
            self._open[-1] -= 1
            if self._open[-1]:
                return False
            self._open.pop()
        return True


def first_word(raw: bytes) -> str:
    """The command of a request, or the first string of a reply, in capitals."""
    if raw[:1] in (b"*", b">"):
        begin = raw.find(b"\r\n") + 2
        if raw[begin : begin + 1] != b"$":
            return ""
        end = raw.find(b"\r\n", begin)
        return raw[end + 2 : end + 2 + int(raw[begin + 1 : end])].decode("latin-1").upper()
    return raw.split(None, 1)[0].decode("latin-1").upper() if raw.strip() else ""


class RequestStream(RespStream):
    """What a client sends; the end of a transaction is about all that is in it."""

    def __init__(self) -> None:
        super().__init__()
        self._transaction: list[bytes] = []

    def feed(self, data: bytes) -> list[Unit]:
        """The commands that are complete now; `Unit.about` of an ``EXEC`` has those from its ``MULTI`` on."""
        return [self._about(unit) for unit in super().feed(data)]

    def _about(self, unit: Unit) -> Unit:
        if unit.name in ("EXEC", "DISCARD"):
            queued, self._transaction = b"".join(self._transaction), []
            return Unit(unit.name, unit.raw, about=queued)
        if unit.name == "MULTI":
            self._transaction = [unit.raw]
        elif self._transaction:
            self._transaction.append(unit.raw)
        return unit


@dataclass(frozen=True, slots=True)
class _Expected:
    """A reply that is to come: of which command, and by which rule it is replaced; or it is swallowed."""

    command: Unit
    error: Rule | None = None
    swallowed: bool = False


class RespConversation(Conversation):
    """Commands and replies in step: each command has one reply, in the same order, but for messages."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__(rules, RequestStream(), RespStream())
        self._expected: deque[_Expected] = deque()
        self._subscribed = False
        self._in_transaction = False
        self._only_once = False
        """The next transaction depends on keys that are watched, or a command of it was refused."""

    def _can(self, action: Action, unit: Unit) -> bool:
        if action == "lose":
            return False  # decided at the reply, which may be the only one with the text (BRPOP)
        if action in ("cut", "hold"):
            return True
        if action == "twice" and unit.name == "EXEC":
            return bool(unit.about) and not self._only_once
        if action == "twice" and (self._in_transaction or unit.name == "MULTI"):
            return False  # the reply of EXEC would tell of one command more than the client knows of
        return unit.name not in SUBSCRIBING

    def _request(self, unit: Unit, steps: Steps) -> None:
        if unit.name in SUBSCRIBING:
            self._subscribed = True
        else:
            self._expected.append(_Expected(unit))
        self._follow(unit)
        steps.send("server", unit.raw)

    def _follow(self, unit: Unit) -> None:
        if unit.name in ("EXEC", "DISCARD", "UNWATCH"):
            self._in_transaction = self._in_transaction and unit.name == "UNWATCH"
            self._only_once = self._in_transaction and self._only_once
        elif unit.name == "MULTI":
            self._in_transaction = True
        elif unit.name == "WATCH":
            self._only_once = True

    def _lose(self, rule: Rule, unit: Unit, steps: Steps) -> None:  # noqa: ARG002 - as others need it
        """Until its reply is there, a command like any other."""
        self._request(unit, steps)

    def _twice(self, unit: Unit, steps: Steps) -> None:
        """A command, or everything from ``MULTI`` to ``EXEC``."""
        self._request(unit, steps)
        copied = RespStream().feed(unit.about + unit.raw)
        self._expected.extend(_Expected(each, swallowed=True) for each in copied)
        steps.send("server", unit.about + unit.raw)

    def _error(self, rule: Rule, unit: Unit, steps: Steps) -> None:
        """Another command goes in its place, whose reply is replaced: the order stays."""
        self._only_once = self._only_once or self._in_transaction or unit.name == "MULTI"
        if unit.name == "EXEC":
            self._follow(unit)
        self._expected.append(_Expected(unit, error=rule))
        steps.send("server", DISCARD if unit.name == "EXEC" else UNKNOWN)

    def _reply(self, unit: Unit, steps: Steps) -> None:
        unasked = unit.raw[0] == PUSH or (self._subscribed and unit.name.lower() in UNASKED)
        if unasked or not self._expected:
            steps.send("client", unit.raw)
            return
        expected = self._expected.popleft()
        if expected.swallowed:
            return
        if expected.error is not None:
            text = (expected.error.error or DEFAULT_ERROR).replace("\r", " ").replace("\n", " ")
            steps.send("client", f"-{text}\r\n".encode())
            return
        if self.rules:
            command = expected.command
            both = Unit(command.name, command.raw + unit.raw, about=command.about)
            for rule in self.rules:
                if rule.action == "lose" and rule.hit(both, "client"):
                    steps.done.append(Struck(rule, expected.command, unit.raw))
                    self._cut(steps)
                    return
        steps.send("client", unit.raw)
