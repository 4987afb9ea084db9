"""AMQP 0-9-1, the protocol of RabbitMQ (https://www.rabbitmq.com/amqp-0-9-1-reference)."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.proxy.conversation import Conversation, Steps, Stream, Struck, split_error
from harness.proxy.rules import Action, Rule, Side, Unit

HEADER = b"AMQP"
FRAME_END = 0xCE
FRAME_LIMIT = 16 * 2**20
METHOD, CONTENT_HEADER, CONTENT_BODY, HEARTBEAT = 1, 2, 3, 8
CLASSES = {10: "connection", 20: "channel", 40: "exchange", 50: "queue", 60: "basic", 85: "confirm", 90: "tx"}
METHODS = {
    (10, 10): "start", (10, 11): "start-ok", (10, 20): "secure", (10, 21): "secure-ok", (10, 30): "tune",
    (10, 31): "tune-ok", (10, 40): "open", (10, 41): "open-ok", (10, 50): "close", (10, 51): "close-ok",
    (10, 60): "blocked", (10, 61): "unblocked",
    (20, 10): "open", (20, 11): "open-ok", (20, 20): "flow", (20, 21): "flow-ok",
    (20, 40): "close", (20, 41): "close-ok",
    (40, 10): "declare", (40, 11): "declare-ok", (40, 20): "delete", (40, 21): "delete-ok",
    (40, 30): "bind", (40, 31): "bind-ok", (40, 40): "unbind", (40, 51): "unbind-ok",
    (50, 10): "declare", (50, 11): "declare-ok", (50, 20): "bind", (50, 21): "bind-ok",
    (50, 30): "purge", (50, 31): "purge-ok", (50, 40): "delete", (50, 41): "delete-ok",
    (50, 50): "unbind", (50, 51): "unbind-ok",
    (60, 10): "qos", (60, 11): "qos-ok", (60, 20): "consume", (60, 21): "consume-ok",
    (60, 30): "cancel", (60, 31): "cancel-ok", (60, 40): "publish", (60, 50): "return",
    (60, 60): "deliver", (60, 70): "get", (60, 71): "get-ok", (60, 72): "get-empty",
    (60, 80): "ack", (60, 90): "reject", (60, 100): "recover-async", (60, 110): "recover",
    (60, 111): "recover-ok", (60, 120): "nack",
    (85, 10): "select", (85, 11): "select-ok",
    (90, 10): "select", (90, 11): "select-ok", (90, 20): "commit", (90, 21): "commit-ok",
    (90, 30): "rollback", (90, 31): "rollback-ok",
}  # fmt: skip
CONFIRMS = ("basic.ack", "basic.nack")
"""From the server these confirm a publish (https://www.rabbitmq.com/docs/confirms)."""
CONTENT = (".header", ".body", ".end")
NO_ANSWER = frozenset({"basic.ack", "basic.nack", "basic.reject", "basic.recover-async"})
CLOSES_CONNECTION = frozenset({320, 402, 501, 502, 503, 504, 505, 506, 530, 540, 541})
"""Reply codes after which the connection is over; the others end the channel (reference, "constants")."""
DEFAULT_ERROR = "406 PRECONDITION_FAILED - ordered by the harness"


class AmqpStream(Stream):
    """Frames; those that carry a message's content are named after the method that it belongs to."""

    def __init__(self, *, greets: bool) -> None:
        super().__init__()
        self._greets = greets
        self._content: dict[int, tuple[str, int, bytes]] = {}

    def feed(self, data: bytes) -> list[Unit]:
        """The frames that are complete now."""
        self.buffer += data
        units: list[Unit] = []
        start = 0
        if self._greets and not self.broken:
            if not HEADER.startswith(bytes(self.buffer[:4])):
                self.broken = True
                return units
            if len(self.buffer) < 8:
                return units
            units.append(Unit("header", bytes(self.buffer[:8])))
            start, self._greets = 8, False
        while not self.broken and len(self.buffer) - start >= 8:
            kind, channel, size = struct.unpack_from(">BHI", self.buffer, start)
            end = start + size + 8
            if kind not in (METHOD, CONTENT_HEADER, CONTENT_BODY, HEARTBEAT) or size > FRAME_LIMIT:
                self.broken = True
            elif end > len(self.buffer):
                break
            elif self.buffer[end - 1] != FRAME_END:
                self.broken = True
            else:
                raw = bytes(self.buffer[start:end])
                units.append(self._unit(kind, channel, raw))
                start = end
        del self.buffer[:start]
        return units

    def _unit(self, kind: int, channel: int, raw: bytes) -> Unit:
        if kind == METHOD:
            family, number = struct.unpack_from(">HH", raw, 7)
            name = f"{CLASSES.get(family, family)}.{METHODS.get((family, number), number)}"
            self._content[channel] = (name, 0, b"")
            return Unit(name, raw, channel)
        if kind == HEARTBEAT:
            return Unit("heartbeat", raw, channel)
        method, missing, header = self._content.get(channel, ("content", 0, b""))
        if kind == CONTENT_HEADER:
            (missing,) = struct.unpack_from(">Q", raw, 11)
            self._content[channel] = (method, missing, raw)
            return Unit(f"{method}.header", raw, channel)
        missing -= len(raw) - 8
        self._content[channel] = (method, missing, header)
        return Unit(f"{method}.{'body' if missing > 0 else 'end'}", raw, channel, header)


@dataclass(slots=True)
class _Channel:
    """What is known of one channel."""

    confirming: bool = False
    published: int = 0
    """Messages that the server has got here since it confirms them: the tag of the last one."""
    extra: list[int] = field(default_factory=list)
    """Tags of those that the client does not know of."""
    losing: tuple[Rule, Unit, int] | None = None
    """A command whose reply is to be lost; a publish by its tag."""
    swallowing: Counter[str] = field(default_factory=Counter)
    """Replies that the client is not to see: so many, after the first of each kind."""
    answered: Counter[str] = field(default_factory=Counter)
    copying: list[Unit] | None = None
    """A message under way that is to be published again when it is complete."""
    closing: set[Side] = field(default_factory=set)
    """Sides that were told to close it and have not yet said that they have."""


class AmqpConversation(Conversation):
    """Each channel is a conversation of its own; messages are confirmed by number."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        super().__init__(rules, AmqpStream(greets=True), AmqpStream(greets=False))
        self._channels: dict[int, _Channel] = {}

    def _channel(self, number: int) -> _Channel:
        return self._channels.setdefault(number, _Channel())

    def _can(self, action: Action, unit: Unit) -> bool:
        if action in ("cut", "hold"):
            return True
        if unit.name.startswith(("header", "heartbeat", "connection.")) or unit.name.endswith(CONTENT):
            return False
        if action == "lose":
            is_publish = unit.name == "basic.publish"
            return self._channel(unit.channel).confirming if is_publish else unit.name not in NO_ANSWER
        return action == "error" or unit.name != "basic.get"

    def _request(self, unit: Unit, steps: Steps) -> None:
        channel = self._channel(unit.channel)
        if "client" in channel.closing:
            if unit.name == "channel.close-ok":
                channel.closing.discard("client")
            return
        if unit.name == "confirm.select":
            channel.confirming = True
        elif unit.name == "channel.open":
            self._channels[unit.channel] = channel = _Channel(closing=channel.closing)
        elif unit.name == "basic.publish" and channel.confirming:
            channel.published += 1
        steps.send("server", unit.raw)
        if channel.copying is not None:
            self._copy(channel, channel.copying, unit, steps)

    def _copy(self, channel: _Channel, copied: list[Unit], unit: Unit, steps: Steps) -> None:
        copied.append(unit)
        if unit.name.endswith(".end") or _is_empty(unit):
            steps.send("server", b"".join(each.raw for each in copied))
            channel.copying = None
            if channel.confirming:
                channel.published += 1
                channel.extra.append(channel.published)

    def _lose(self, rule: Rule, unit: Unit, steps: Steps) -> None:
        self._request(unit, steps)
        channel = self._channel(unit.channel)
        channel.losing = (rule, unit, channel.published)

    def _twice(self, unit: Unit, steps: Steps) -> None:
        channel = self._channel(unit.channel)
        if unit.name == "basic.publish":
            channel.copying = []
            self._request(unit, steps)
            return
        self._request(unit, steps)
        steps.send("server", unit.raw)
        channel.swallowing[f"{unit.name}-ok"] += 1
        channel.answered[f"{unit.name}-ok"] = 0

    def _error(self, rule: Rule, unit: Unit, steps: Steps) -> None:
        """Both sides are told to close, each as if by the other."""
        channel = self._channel(unit.channel)
        code, words = split_error(rule.error, DEFAULT_ERROR)
        text = words.encode()[:255]
        number = int(code) if code.isdigit() else 541
        arguments = struct.pack(">HB", number, len(text)) + text + unit.raw[7:11]
        if number in CLOSES_CONNECTION:
            steps.send("client", _method(0, 10, 50, arguments))
            self._cut(steps, reset=False)
            return
        channel.closing |= {"client", "server"}
        steps.send("server", _method(unit.channel, 20, 40, arguments))
        steps.send("client", _method(unit.channel, 20, 40, arguments))

    def _reply(self, unit: Unit, steps: Steps) -> None:
        channel = self._channel(unit.channel)
        if "server" in channel.closing:
            if unit.name == "channel.close-ok":
                channel.closing.discard("server")
            return
        if channel.losing is not None and _is_lost(*channel.losing[1:], unit):
            steps.done.append(Struck(channel.losing[0], channel.losing[1], unit.raw))
            self._cut(steps)
            return
        if unit.name in CONFIRMS and channel.extra:
            self._confirm(channel, unit, steps)
            return
        if channel.swallowing[unit.name]:
            channel.answered[unit.name] += 1
            if channel.answered[unit.name] > 1:
                channel.swallowing[unit.name] -= 1
                return
        steps.send("client", unit.raw)

    def _confirm(self, channel: _Channel, unit: Unit, steps: Steps) -> None:
        """The client counts without the copies."""
        tag, several = struct.unpack_from(">QB", unit.raw, 11)
        unknown = sum(extra <= tag for extra in channel.extra)
        if tag in channel.extra and not several & 1:
            return
        raw = bytearray(unit.raw)
        struct.pack_into(">Q", raw, 11, tag - unknown)
        steps.send("client", bytes(raw))


def _is_lost(command: Unit, tag: int, reply: Unit) -> bool:
    """Whether this is the reply of a command; a publish is known by its tag."""
    if command.name != "basic.publish":
        return reply.name in _answers(command.name)
    if reply.name not in CONFIRMS:
        return False
    confirmed, several = struct.unpack_from(">QB", reply.raw, 11)
    return bool(confirmed == tag or (confirmed > tag and several & 1))


def _answers(name: str) -> tuple[str, ...]:
    return ("basic.get-ok", "basic.get-empty") if name == "basic.get" else (f"{name}-ok",)


def _is_empty(unit: Unit) -> bool:
    """Whether a content header says that no body follows."""
    return unit.name.endswith(".header") and struct.unpack_from(">Q", unit.raw, 11)[0] == 0


def _method(channel: int, family: int, number: int, arguments: bytes) -> bytes:
    payload = struct.pack(">HH", family, number) + arguments
    return struct.pack(">BHI", METHOD, channel, len(payload)) + payload + bytes([FRAME_END])
