"""kombu's transport to the simulated RabbitMQ: channels as py-amqp's, deliveries by a virtual descriptor."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable
from typing import Any

from amqp import Connection as RealConnection
from amqp.protocol import queue_declare_ok_t
from kombu import message as kombu_message
from kombu.transport import base

from harness.simulation.amqp import BROKER, AmqpBroker, Consumer, Message
from harness.simulation.descriptors import Descriptor

LOST = (104, "Connection reset by peer")


class Connection(Descriptor):
    """One connection: the client's end, and what the server has sent and nobody has read yet."""

    def __init__(self, transport: Transport, broker: AmqpBroker) -> None:
        super().__init__()
        self.client: Any = transport.client
        self.broker = broker
        self.channels: list[Channel] = []
        self.frames: deque[Callable[[], None]] = deque()
        self.lost = False
        self.numbers = itertools.count(1)
        broker.connections.append(self)

    @property
    def connected(self) -> bool:
        """Whether it is open, as far as this end knows."""
        return not self.lost

    def readable(self) -> bool:
        """Whether something has been sent, or the end."""
        return self.lost or (bool(self.frames) and not self.broker.paused)

    def read(self) -> None:
        """Take one frame; raises where the connection is gone."""
        if self.lost:
            raise ConnectionResetError(*LOST)
        self.frames.popleft()()

    def send(self, frame: Callable[[], None]) -> None:
        """The server sends something."""
        self.frames.append(frame)
        self.notify()

    def lose(self) -> None:
        """The server closes it; the client notices when it reads or writes."""
        if self not in self.broker.connections:
            return
        self.lost = True
        self.frames.clear()
        self.broker.connections.remove(self)
        for channel in list(self.channels):
            self.broker.leave(channel)
        self.notify()

    def hang_up(self) -> None:
        """The client's process is gone."""
        self.lose()
        self.forget()

    def close(self) -> None:
        """The client closes it."""
        self.lose()
        self.forget()


class Channel(base.StdChannel):
    """One channel of a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.broker = connection.broker
        self.prefetch = 0
        self.unacked: dict[int, tuple[Any, Message]] = {}
        self.closed = False
        self.tags = itertools.count(1)
        """Delivery tags are scoped to a channel (https://www.rabbitmq.com/docs/confirms)."""
        self.channel_id = next(connection.numbers)
        self.no_ack_consumers: Any = set()
        connection.channels.append(self)

    def _check(self) -> None:
        if self.closed or self.connection.lost:
            raise ConnectionResetError(*LOST)
        if self.broker.paused:
            self.connection.wait(self.connection.client.connect_timeout or None)
            if self.broker.paused:
                raise TimeoutError("timed out")

    # Declarations.

    def exchange_declare(self, exchange: str = "", type: str = "direct", **_: Any) -> None:  # noqa: A002
        """An exchange, made unless it is there."""
        self._check()
        self.broker.exchanges.setdefault(exchange, (type, []))

    def queue_declare(
        self,
        queue: str = "",
        passive: bool = False,
        arguments: Any = None,
        auto_delete: bool = False,
        **_: Any,
    ) -> Any:
        """A queue, made unless it is there."""
        self._check()
        found = self.broker.declare(queue, arguments, auto_delete=auto_delete)
        return queue_declare_ok_t(queue, len(found.ready), len(found.consumers))

    def prepare_queue_arguments(self, arguments: Any, **more: Any) -> Any:
        """As py-amqp's transport does."""
        return base.to_rabbitmq_queue_arguments(arguments, **more)

    def queue_bind(self, queue: str, exchange: str = "", routing_key: str = "", **_: Any) -> None:
        """A binding, made unless it is there."""
        self._check()
        bindings = self.broker.exchanges.setdefault(exchange, ("direct", []))[1]
        if (routing_key, queue) not in bindings:
            bindings.append((routing_key, queue))

    def queue_purge(self, queue: str, **_: Any) -> int:
        """Throw away what is ready; how many."""
        ready = self.broker.queues[queue].ready
        count = len(ready)
        ready.clear()
        return count

    def queue_delete(self, queue: str, **_: Any) -> None:
        """The queue is gone."""
        self.broker.queues.pop(queue, None)

    # Publishing.

    def prepare_message(
        self, body: Any, priority: Any = None, content_type: Any = None, content_encoding: Any = None,
        headers: Any = None, properties: Any = None, **_: Any,
    ) -> Message:  # fmt: skip
        """What `basic_publish` takes."""
        own = dict(properties or {})
        if priority is not None:
            own["priority"] = priority
        return Message(body, content_type or "", content_encoding or "", dict(headers or {}), own)

    def basic_publish(self, message: Message, exchange: str = "", routing_key: str = "", **_: Any) -> None:
        """To the broker, which has it when this returns."""
        self._check()
        self.broker.publish(message, exchange or "", routing_key or "")

    # Consuming.

    def basic_qos(
        self, prefetch_size: int = 0, prefetch_count: int = 0, a_global: bool = False, **_: Any
    ) -> None:
        """How many unacknowledged messages this channel may hold."""
        self._check()
        self.prefetch = prefetch_count
        for queue in list(self.broker.queues.values()):
            self.broker.pump(queue)

    def basic_consume(
        self, queue: str, no_ack: bool = False, callback: Any = None, consumer_tag: str = "", **_: Any
    ) -> str:
        """Subscribe."""
        self._check()
        found = self.broker.queues[queue]
        found.consumers.append(Consumer(self, consumer_tag, callback, not no_ack))
        self.broker.pump(found)
        return consumer_tag

    def basic_cancel(self, consumer_tag: str, **_: Any) -> None:
        """Unsubscribe."""
        for queue in self.broker.queues.values():
            queue.consumers = [c for c in queue.consumers if c.channel is not self or c.tag != consumer_tag]

    def basic_get(self, queue: str, no_ack: bool = False, **_: Any) -> Any:
        """One message, if there is one."""
        import heapq

        self._check()
        found = self.broker.queues[queue]
        if not found.ready:
            return None
        message, tag = heapq.heappop(found.ready), next(self.tags)
        if not no_ack:
            self.unacked[tag] = (found, message)
        return self.received(message, tag)

    def deliver(self, consumer: Consumer, message: Message, tag: int) -> None:
        """The server pushes a message."""

        def frame() -> None:
            if not self.closed:
                consumer.callback(self.received(message, tag))

        self.connection.send(frame)

    def received(self, message: Message, tag: int) -> Any:
        """What kombu's consumers get."""
        info = {"exchange": message.exchange, "routing_key": message.key, "redelivered": message.redelivered}
        return kombu_message.Message(
            body=message.body, delivery_tag=tag, content_type=message.content_type,
            content_encoding=message.encoding, delivery_info=info, properties=dict(message.properties),
            headers=dict(message.headers), postencode="utf-8", channel=self,
        )  # fmt: skip

    def basic_ack(self, delivery_tag: int, multiple: bool = False) -> None:
        """The message is done with."""
        self._settle(delivery_tag)

    def basic_reject(self, delivery_tag: int, requeue: bool = False) -> None:
        """Back to the queue, or to its dead letter exchange."""
        self._settle(delivery_tag, rejected=True, requeue=requeue)

    def _settle(self, tag: int, *, rejected: bool = False, requeue: bool = False) -> None:
        self._check()
        held = self.unacked.pop(tag, None)
        if held is None:
            return
        queue, message = held
        if requeue:
            self.broker.give_back(queue, message)
        elif rejected:
            self.broker.dead_letter(queue, message, "rejected")
        for each in list(self.broker.queues.values()):
            if each is queue or any(consumer.channel is self for consumer in each.consumers):
                self.broker.pump(each)

    def flow(self, active: bool = True) -> None:
        """RabbitMQ ignores it."""

    def close(self) -> None:
        """Its consumers go, and what it held goes back."""
        if not self.closed:
            self.closed = True
            self.broker.leave(self)
            if self in self.connection.channels:
                self.connection.channels.remove(self)


class Transport(base.Transport):
    """What kombu takes for py-amqp's transport."""

    driver_type = driver_name = "amqp"
    default_port: Any = 5672
    can_parse_url = False
    connection_errors = RealConnection.connection_errors
    channel_errors = RealConnection.channel_errors
    recoverable_connection_errors = RealConnection.recoverable_connection_errors
    recoverable_channel_errors = RealConnection.recoverable_channel_errors
    implements = base.Transport.implements.extend(
        asynchronous=True, exchange_type=frozenset({"direct", "topic", "fanout", "headers"}), heartbeats=False
    )

    def driver_version(self) -> str:
        """It is a model."""
        return "simulated"

    def establish_connection(self) -> Connection:
        """Connect; refused while the broker is down."""
        if not BROKER.running:
            raise ConnectionRefusedError(111, "Connection refused")
        return Connection(self, BROKER)

    def verify_connection(self, connection: Connection) -> bool:
        """Whether it is open."""
        return connection.connected

    def close_connection(self, connection: Connection) -> None:
        """Close it."""
        connection.close()

    def create_channel(self, connection: Connection) -> Channel:
        """One more channel."""
        if connection.lost:
            raise ConnectionResetError(*LOST)
        return Channel(connection)

    def close_channel(self, channel: Channel) -> None:
        """Close a channel."""
        channel.close()

    def register_with_event_loop(self, connection: Connection, loop: Any) -> None:
        """Read whenever there is something (`kombu/transport/pyamqp.py`)."""
        loop.add_reader(connection.fileno(), self.on_readable, connection, loop)

    def on_readable(self, connection: Connection, loop: Any) -> None:
        """Take what has been sent."""
        while connection.readable():
            connection.read()

    def drain_events(self, connection: Connection, timeout: float | None = None, **_: Any) -> None:
        """Wait for one event."""
        if not connection.readable() and (timeout == 0 or not connection.wait(timeout)):
            raise TimeoutError("timed out")
        connection.read()
