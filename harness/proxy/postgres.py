"""The PostgreSQL protocol, version 3 (https://www.postgresql.org/docs/current/protocol-message-formats.html)."""

from __future__ import annotations

import re
import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from harness.proxy.conversation import Conversation, Steps, Stream, Struck, split_error
from harness.proxy.rules import Action, Rule, Unit

MESSAGE_LIMIT = 2**30
STARTUP_LIMIT = 10_000
"""The server's own limit (``src/include/libpq/pqcomm.h``, MAX_STARTUP_PACKET_LENGTH)."""
ASKS_FOR_ENCRYPTION = {80877103: "ssl-request", 80877104: "gss-request"}
STARTUP = {196608: "startup", 80877102: "cancel"} | ASKS_FOR_ENCRYPTION
REQUESTS = {
    b"Q": "query", b"P": "parse", b"B": "bind", b"C": "close", b"D": "describe", b"E": "execute",
    b"H": "flush", b"S": "sync", b"X": "terminate", b"d": "copy-data", b"c": "copy-done",
    b"f": "copy-fail", b"F": "function-call", b"p": "password",
}  # fmt: skip
UNASKED = frozenset("ASZ")
"""Notifications, changed settings and the state of the session: no answers to a statement."""
COMMENT = re.compile(rb"\s*(--[^\n]*\n|/\*.*?\*/)", re.DOTALL)
WORD = re.compile(rb"[\s(]*([A-Za-z]+)")
DEFAULT_ERROR = "58000 ordered by the harness"
NO_SQL = b"ORDERED BY THE HARNESS\0"
"""A syntax error: the server refuses it, and with it a transaction that is open."""


class RequestStream(Stream):
    """What a client sends: packets without a type until one has begun a session, then messages."""

    def __init__(self) -> None:
        super().__init__()
        self._begun = False

    def feed(self, data: bytes) -> list[Unit]:
        """The messages that are complete now; statements are named by their first word, in capitals."""
        self.buffer += data
        units: list[Unit] = []
        while not self.broken and (raw := self._next()):
            units.append(Unit(self._name(raw), raw))
            del self.buffer[: len(raw)]
        return units

    def _next(self) -> bytes:
        typed = int(self._begun)
        if len(self.buffer) < 4 + typed:
            return b""
        (size,) = struct.unpack_from(">I", self.buffer, typed)
        known = not self._begun or bytes(self.buffer[:1]) in REQUESTS
        if not known or not 4 <= size <= (MESSAGE_LIMIT if self._begun else STARTUP_LIMIT):
            self.broken = True
            return b""
        return bytes(self.buffer[: size + typed]) if len(self.buffer) >= size + typed else b""

    def _name(self, raw: bytes) -> str:
        if not self._begun:
            code = struct.unpack_from(">I", raw, 4)[0] if len(raw) >= 8 else 0
            self._begun = code not in ASKS_FOR_ENCRYPTION
            return STARTUP.get(code, "startup")
        kind = raw[:1]
        if kind in b"QP":
            sql = raw[5:] if kind == b"Q" else raw[5:].partition(b"\0")[2]
            return first_word(sql) or REQUESTS[kind]
        return REQUESTS[kind]


class ReplyStream(Stream):
    """What a server sends: messages, but for the one letter that answers whoever asks for encryption."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = 0
        """Answers of one letter that are to come."""

    def feed(self, data: bytes) -> list[Unit]:
        """The messages that are complete now, named by their type's letter."""
        self.buffer += data
        units: list[Unit] = []
        start = 0
        while not self.broken and len(self.buffer) > start:
            kind = chr(self.buffer[start])
            if self.letters and kind in "NSG":
                self.letters -= 1
                size = 1
                self.broken = kind != "N"  # what follows is encrypted
            elif len(self.buffer) - start < 5:
                break
            else:
                size = struct.unpack_from(">I", self.buffer, start + 1)[0] + 1
                if not kind.isalnum() or not 5 <= size <= MESSAGE_LIMIT:
                    self.broken = True
                    break
                if len(self.buffer) - start < size:
                    break
            units.append(Unit(kind, bytes(self.buffer[start : start + size])))
            start += size
        del self.buffer[:start]
        return units


def first_word(sql: bytes) -> str:
    """The first word of a statement behind its comments, in capitals; empty where there is none."""
    place = 0
    while comment := COMMENT.match(sql, place):
        place = comment.end()
    word = WORD.match(sql, place)
    return word[1].decode("ascii").upper() if word else ""


@dataclass(slots=True)
class _Cycle:
    """What was sent up to a query or a sync: the server says ``ReadyForQuery`` once for it."""

    rule: Rule | None = None
    command: Unit | None = None
    repeated: bool = False
    """The next cycle is its copy, and says how this one ends."""
    copy: bool = False


class PostgresConversation(Conversation):
    """Queries and their answers: one ``ReadyForQuery`` for each simple query, and for each sync."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._answers = ReplyStream()
        super().__init__(rules, RequestStream(), self._answers)
        self._cycles: deque[_Cycle] = deque([_Cycle()])  # the first is the start of the session
        self._open = _Cycle()
        self._copying: list[bytes] | None = None
        self._status = b""
        """Of the transaction, behind the first of two deliveries: ``I`` none, ``T`` open, ``E`` failed."""
        self._refusal = b""

    def _can(self, action: Action, unit: Unit) -> bool:
        if action in ("cut", "hold"):
            return True
        if action == "twice" and (unit.name == "COPY" or _has_name(unit)):
            return False
        return unit.raw[:1] in (b"Q", b"P")

    def _request(self, unit: Unit, steps: Steps) -> None:
        if unit.name in ASKS_FOR_ENCRYPTION.values():
            self._answers.letters += 1
        steps.send("server", unit.raw)
        if self._copying is not None:
            self._copying.append(unit.raw)
        if unit.raw[:1] in (b"Q", b"S", b"F"):
            self._open.repeated = self._copying is not None
            self._cycles.append(self._open)
            self._open = _Cycle()
            if self._copying is not None:
                steps.send("server", b"".join(self._copying))
                self._cycles.append(_Cycle(copy=True))
                self._copying = None

    def _lose(self, rule: Rule, unit: Unit, steps: Steps) -> None:
        self._open.rule, self._open.command = rule, unit
        self._request(unit, steps)

    def _twice(self, unit: Unit, steps: Steps) -> None:
        """A simple query, or everything from a parse to its sync.

        The client gets the answers to the first. The state of the transaction at their end is that behind
        the second; where this has failed the transaction, its error is told, as an error at a sync is.
        """
        self._copying = []
        self._request(unit, steps)

    def _error(self, rule: Rule, unit: Unit, steps: Steps) -> None:
        """Something else goes in its place that the server refuses, and the refusal is put in other words."""
        self._open.rule, self._open.command = rule, unit
        kind = unit.raw[:1]
        if kind == b"Q":
            body = NO_SQL
        else:
            name, _, _ = unit.raw[5:].partition(b"\0")
            body = name + b"\0" + NO_SQL + b"\0\0"
        substitute = kind + struct.pack(">I", len(body) + 4) + body
        self._request(Unit(unit.name, substitute), steps)

    def _reply(self, unit: Unit, steps: Steps) -> None:
        cycle = self._cycles[0] if self._cycles else self._open
        done = unit.name == "Z"
        if done and self._cycles:
            self._cycles.popleft()
        if cycle.repeated and done:
            self._status = unit.raw[5:6]
            return
        if cycle.copy:
            self._answer_of_copy(unit, steps)
            return
        if cycle.rule is not None and cycle.command is not None:
            if cycle.rule.action == "lose":
                if done:
                    steps.done.append(Struck(cycle.rule, cycle.command, unit.raw))
                    self._cut(steps)
                return
            if unit.name == "E":
                steps.send("client", _error(cycle.rule.error))
                return
        steps.send("client", unit.raw)

    def _answer_of_copy(self, unit: Unit, steps: Steps) -> None:
        if unit.name == "E":
            self._refusal = unit.raw
        elif unit.name == "Z":
            if unit.raw[5:6] == b"E" != self._status:
                steps.send("client", self._refusal)
            self._refusal = b""
        if unit.name in UNASKED:
            steps.send("client", unit.raw)


def _has_name(unit: Unit) -> bool:
    """Whether a parse prepares a statement for later: it executes nothing, and cannot be repeated."""
    return unit.raw[:1] == b"P" and unit.raw[5:6] != b"\0"


def _error(text: str) -> bytes:
    code, words = split_error(text, DEFAULT_ERROR)
    fields = {b"S": "ERROR", b"V": "ERROR", b"C": code, b"M": words}
    body = b"".join(key + value.encode().replace(b"\0", b"") + b"\0" for key, value in fields.items()) + b"\0"
    return b"E" + struct.pack(">I", len(body) + 4) + body
