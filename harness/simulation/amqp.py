"""A model of RabbitMQ: classic queues, exchanges, acknowledgements, TTL, priorities, dead letter exchanges.

Sources: https://www.rabbitmq.com/docs/ttl, /priority, /dlx, /maxlength, /consumer-prefetch. Messages
of a connection that ends go back to their places at once. Not modelled: quorum queues, flow control,
memory alarms, clusters, delivery acknowledgement timeouts.
"""

from __future__ import annotations

import heapq
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.simulation.clock import CLOCK
from harness.simulation.descriptors import WORLD


@dataclass(eq=False)
class Message:
    """One message in the broker."""

    body: Any
    content_type: str
    encoding: str
    headers: dict[str, Any]
    properties: dict[str, Any]
    exchange: str = ""
    key: str = ""
    number: int = 0
    rank: int = 0
    redelivered: bool = False
    expires_ns: int | None = None
    deaths: int = 0

    def place(self) -> tuple[int, int]:
        """Higher priority first, then the older."""
        return (self.rank, self.number)

    def __lt__(self, other: Message) -> bool:
        return self.place() < other.place()


@dataclass(eq=False)
class Consumer:
    """One subscription of a channel to a queue."""

    channel: Any
    tag: str
    callback: Any
    acknowledges: bool


@dataclass(eq=False)
class Queue:
    """One classic queue."""

    name: str
    arguments: dict[str, Any]
    auto_delete: bool = False
    ready: list[Message] = field(default_factory=list)
    consumers: list[Consumer] = field(default_factory=list)
    turn: int = 0


class AmqpBroker:
    """The server; `harness.stages` reads it and breaks it."""

    def __init__(self) -> None:
        self.queues: dict[str, Queue] = {}
        self.exchanges: dict[str, tuple[str, list[tuple[str, str]]]] = {}
        self.connections: list[Any] = []
        self.numbers = itertools.count(1)
        self.running = True
        self.paused = False

    # Publishing.

    def declare(self, name: str, arguments: dict[str, Any] | None, *, auto_delete: bool = False) -> Queue:
        """A queue, made unless it is there."""
        if name not in self.queues:
            self.queues[name] = Queue(name, dict(arguments or {}), auto_delete)
        return self.queues[name]

    def publish(self, message: Message, exchange: str, key: str) -> None:
        """To every queue that the exchange's bindings lead to; to none, it is dropped."""
        for queue in self._routes(exchange, key):
            own = replace(message, headers=dict(message.headers), properties=dict(message.properties))
            own.exchange, own.key, own.number = exchange, key, next(self.numbers)
            self._put(queue, own)

    def _routes(self, exchange: str, key: str) -> list[Queue]:
        if not exchange:
            return [self.queues[key]] if key in self.queues else []
        kind, bindings = self.exchanges.get(exchange, ("direct", []))
        matching = {
            "fanout": lambda _pattern: True,
            "topic": lambda pattern: _topic(pattern, key),
        }.get(kind, lambda pattern: pattern == key)
        names = dict.fromkeys(name for pattern, name in bindings if matching(pattern))
        return [self.queues[name] for name in names if name in self.queues]

    def _put(self, queue: Queue, message: Message) -> None:
        most = queue.arguments.get("x-max-priority")
        message.rank = -min(int(message.properties.get("priority") or 0), int(most)) if most else 0
        lives = [queue.arguments.get("x-message-ttl"), message.properties.get("expiration")]
        given = [int(life) for life in lives if life is not None]
        if given:
            message.expires_ns = CLOCK.ns + min(given) * 1_000_000
            WORLD.kernel.at(message.expires_ns, lambda _: self._expire(queue))
        heapq.heappush(queue.ready, message)
        limit = queue.arguments.get("x-max-length")
        if limit is not None and len(queue.ready) > int(limit):
            if queue.arguments.get("x-overflow") == "reject-publish":
                queue.ready.remove(message)
                heapq.heapify(queue.ready)
            else:
                self.dead_letter(queue, heapq.heappop(queue.ready), "maxlen")
        self.pump(queue)

    def _expire(self, queue: Queue) -> None:
        """Only at the head of the queue, as classic queues do."""
        while queue.ready and (queue.ready[0].expires_ns or CLOCK.ns + 1) <= CLOCK.ns:
            self.dead_letter(queue, heapq.heappop(queue.ready), "expired")

    def dead_letter(self, queue: Queue, message: Message, reason: str) -> None:
        """To the queue's dead letter exchange; without one it is gone."""
        exchange = queue.arguments.get("x-dead-letter-exchange")
        if exchange is None:
            return
        death = {"queue": queue.name, "reason": reason, "count": message.deaths + 1}
        headers = {**message.headers, "x-death": [death]}
        properties = {name: value for name, value in message.properties.items() if name != "expiration"}
        letter = replace(
            message, headers=headers, properties=properties, deaths=message.deaths + 1, expires_ns=None,
            redelivered=False,
        )  # fmt: skip
        self.publish(letter, exchange, queue.arguments.get("x-dead-letter-routing-key") or message.key)

    # Delivering.

    def pump(self, queue: Queue) -> None:
        """Give what is ready to consumers in turn, as far as their prefetch counts go."""
        while queue.ready and self.running and not self.paused:
            consumer = self._next(queue)
            if consumer is None:
                return
            message = heapq.heappop(queue.ready)
            tag = next(consumer.channel.tags)
            if consumer.acknowledges:
                consumer.channel.unacked[tag] = (queue, message)
            consumer.channel.deliver(consumer, message, tag)

    def _next(self, queue: Queue) -> Consumer | None:
        for step in range(len(queue.consumers)):
            place = (queue.turn + step) % len(queue.consumers)
            consumer = queue.consumers[place]
            channel = consumer.channel
            if not channel.prefetch or len(channel.unacked) < channel.prefetch:
                queue.turn = (place + 1) % len(queue.consumers)
                return consumer
        return None

    def give_back(self, queue: Queue, message: Message) -> None:
        """To its old place, marked as redelivered."""
        message.redelivered = True
        heapq.heappush(queue.ready, message)

    def leave(self, channel: Any) -> None:
        """A channel is closed: its consumers go, and what it held goes back."""
        touched: dict[Queue, None] = {}
        for queue in list(self.queues.values()):
            kept = [consumer for consumer in queue.consumers if consumer.channel is not channel]
            if len(kept) != len(queue.consumers):
                queue.consumers = kept
                if queue.auto_delete and not kept:
                    del self.queues[queue.name]
        for queue, message in channel.unacked.values():
            self.give_back(queue, message)
            touched[queue] = None
        channel.unacked.clear()
        for queue in touched:
            self.pump(queue)

    # What faults and the end of a run ask for.

    def kill(self) -> None:
        """SIGKILL: every connection is closed; persistent messages, as Celery's are, stay."""
        self.running = False
        self.drop_connections()

    def start(self) -> None:
        """It takes connections again."""
        self.running, self.paused = True, False

    def pause(self) -> None:
        """SIGSTOP."""
        self.paused = True

    def resume(self) -> None:
        """SIGCONT."""
        self.paused = False
        for queue in list(self.queues.values()):
            self.pump(queue)
        for connection in list(self.connections):
            connection.notify()

    def drop_connections(self) -> int:
        """Close every connection; how many."""
        connections = list(self.connections)
        for connection in connections:
            connection.lose()
        return len(connections)

    def read(self, queues: Sequence[str]) -> dict[str, Any]:
        """Depths, ids, unacknowledged ids and consumers."""
        held = [message for _, message in self._unacked()]
        return {
            "queues": {name: self._state(name) for name in queues},
            "unacked": [str(m.headers["id"]) for m in held if m.headers.get("id")],
            "consumers": {
                name: len(queue.consumers) for name, queue in self.queues.items() if name in queues
            },
        }

    def _state(self, name: str) -> dict[str, Any]:
        ready = sorted(self.queues[name].ready) if name in self.queues else []
        return {"depth": len(ready), "tasks": [str(m.headers["id"]) for m in ready if m.headers.get("id")]}

    def _unacked(self) -> Iterator[tuple[Queue, Message]]:
        for connection in self.connections:
            for channel in connection.channels:
                yield from channel.unacked.values()

    def messages(self, queue: str) -> list[dict[str, Any]]:
        """The messages of one queue, left where they are."""
        import json

        found = []
        for message in sorted(self.queues[queue].ready) if queue in self.queues else ():
            try:
                args, kwargs, *_ = json.loads(message.body)
            except (ValueError, TypeError):
                args = kwargs = None
            headers = message.headers
            known = {"id": headers.get("id"), "task": headers.get("task"), "headers": headers}
            found.append({**known, "args": args, "kwargs": kwargs})
        return found


def _topic(pattern: str, key: str) -> bool:
    """``*`` is one word, ``#`` any number of them."""
    parts = [re.escape(word) for word in pattern.split(".")]
    text = (
        r"\.".join(parts)
        .replace(r"\*", r"[^.]+")
        .replace(r"\#\.", r"(?:[^.]+\.)*")
        .replace(r"\.\#", r"(?:\.[^.]+)*")
    )
    return re.fullmatch(text.replace(r"\#", ".*"), key) is not None


BROKER = AmqpBroker()


def install() -> AmqpBroker:
    """Kombu's connections lead to this broker from now on, whatever the scheme of the URL."""
    from kombu.transport import TRANSPORT_ALIASES

    for scheme in ("amqp", "amqps", "pyamqp", "confirm"):
        TRANSPORT_ALIASES[scheme] = "harness.simulation.transport:Transport"
    return BROKER
