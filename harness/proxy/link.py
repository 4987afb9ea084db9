"""The way from an app to one of its servers, and the connections that go it."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from harness.proxy.amqp import AmqpConversation
from harness.proxy.conversation import OTHER, Conversation, Cut, Send, Step, Struck
from harness.proxy.lanes import Alarm, Lane, Pace
from harness.proxy.peers import pid_of
from harness.proxy.postgres import PostgresConversation
from harness.proxy.resp import RespConversation
from harness.proxy.rules import Rule, Side

PROTOCOLS: Mapping[str, type[Any]] = {
    "resp": RespConversation, "amqp": AmqpConversation, "postgres": PostgresConversation,
}  # fmt: skip
IDENTIFIER = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
WORDS_LIMIT = 120
CONCERNS_LIMIT = 20
HANGUP = struct.pack("ii", 1, 0)
"""``SO_LINGER`` of 0 s: closing resets (``socket(7)``)."""


class Link:
    """One port that the app knows, and the server behind it."""

    def __init__(
        self, name: str, port: int, upstream: tuple[str, int], protocol: str, seed: int,
        record: Callable[..., None], host: str = "127.0.0.1",
    ) -> None:  # fmt: skip
        self.host = host
        self.name, self.port, self.upstream, self.protocol = name, port, upstream, protocol
        self.record = record
        self.loop = asyncio.get_running_loop()
        self.random = random.Random(f"{seed}/{name}")
        self.rules: list[Rule] = []
        self.pace = Pace()
        self.swallows = False
        self.connections: set[Connection] = set()
        self.opened = 0
        self._server: asyncio.Server | None = None

    async def listen(self) -> None:
        """Take connections."""
        if self._server is None:
            made = await self.loop.create_server(
                lambda: Connection(self).client, self.host, self.port, reuse_address=True, backlog=512
            )
            self._server = made

    def refuse(self) -> None:
        """The port is closed; what is open stays open."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def disarm(self, number: int) -> None:
        """That rule is gone, and what it held goes on."""
        self.rules[:] = [rule for rule in self.rules if rule.number != number]
        for connection in list(self.connections):
            connection.release(number)

    def swallow(self, *, on: bool) -> None:
        """A black hole: nothing arrives, nothing is refused; what was sent arrives when it is over."""
        self.swallows = on
        for connection in list(self.connections):
            connection.stand_still(still=on)

    def cut(self) -> int:
        """Reset every connection; how many there were."""
        connections = list(self.connections)
        for connection in connections:
            connection.cut()
        return len(connections)

    def orphan(self, side: Side) -> int:
        """One side's ends are dead to the other side, which does not learn it; how many there were."""
        connections = [each for each in self.connections if each.orphaned is None]
        for connection in connections:
            connection.orphan(side)
        return len(connections)

    def bury(self) -> None:
        """Whoever was left with a dead connection learns of it: it is reset."""
        for connection in [each for each in self.connections if each.orphaned is not None]:
            connection.cut()

    def hurry(self) -> None:
        """The link is fast again, and what is under way arrives."""
        self.pace.latency_s = self.pace.jitter_s = self.pace.bytes_per_s = 0.0
        for connection in list(self.connections):
            for lane in connection.lanes.values():
                lane.flush()


class End(asyncio.Protocol):
    """One end of a connection: the client's or the server's."""

    def __init__(self, connection: Connection, side: Side) -> None:
        self.connection, self.side = connection, side
        self.transport: Any = None
        self._still: set[str] = set()
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a socket."""
        self.transport = transport
        self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._still:
            self.transport.pause_reading()
        self.connection.made(self)

    def data_received(self, data: bytes) -> None:
        """The other side of this socket has sent something."""
        self.connection.came(self, data)

    def eof_received(self) -> bool:
        """It will send no more."""
        self.connection.finished(self)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.connection.lost(self, exc)

    def pause_writing(self) -> None:
        """It reads more slowly than the other side sends."""
        self.connection.ends[OTHER[self.side]].stand(still=True, why="full")

    def resume_writing(self) -> None:
        """It has caught up."""
        self.connection.ends[OTHER[self.side]].stand(still=False, why="full")

    def stand(self, *, still: bool, why: str) -> None:
        """Read no more as long as there is any reason not to."""
        before = bool(self._still)
        if still:
            self._still.add(why)
        else:
            self._still.discard(why)
        if self.transport is None or self.transport.is_closing() or bool(self._still) == before:
            return
        if self._still:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def write(self, data: bytes | None) -> None:
        """Pass on; None is the end."""
        if self.transport is None or self.transport.is_closing():
            return
        if data is not None:
            self.transport.write(data)
        elif not self.ended:
            self.ended = True
            self.transport.write_eof()
            self.connection.ended()

    def close(self, *, reset: bool = False) -> None:
        """Close: with all that was written, or with a reset."""
        if self.transport is None or self.transport.is_closing():
            return
        if reset:
            with suppress(OSError):
                self.transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, HANGUP
                )
            self.transport.abort()
        else:
            self.transport.close()


class Connection:
    """A client's connection, and ours to the server for it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        link.opened += 1
        self.number = link.opened
        self.client, self.server = End(self, "client"), End(self, "server")
        self.ends: dict[Side, End] = {"client": self.client, "server": self.server}
        self.lanes: dict[Side, Lane] = {
            side: Lane(link.pace, alarm_of(link.loop), link.random, end.write)
            for side, end in self.ends.items()
        }
        self.conversation: Conversation = PROTOCOLS[link.protocol](link.rules)
        self.orphaned: Side | None = None
        self._reaching: asyncio.Task[None] | None = None
        self._over = False

    def made(self, end: End) -> None:
        """One of the two sockets is there."""
        if end is self.server:
            self.client.stand(still=False, why="server")
            if self._over:  # the client has not waited for it
                self.server.close()
            return
        self.link.connections.add(self)
        self.client.stand(still=True, why="server")
        if not self.link.swallows:
            self._reach()

    def came(self, end: End, data: bytes) -> None:
        """Bytes have come."""
        talk = self.conversation
        self._follow(talk.from_client(data) if end is self.client else talk.from_server(data))
        if talk.holds(end.side):
            end.stand(still=True, why="held")

    def finished(self, end: End) -> None:
        """One side sends no more."""
        if self._over:
            end.close()
        else:
            self.lanes[OTHER[end.side]].put(None)

    def ended(self) -> None:
        """One side was told that no more comes; when both were, it is over."""
        if self.client.ended and self.server.ended:
            self.client.close()
            self.server.close()

    def lost(self, end: End, why: Exception | None) -> None:
        """One side is gone: so is the other, in the same way, unless it is not to learn it."""
        if self.orphaned is not None and not self._over:
            return
        self._over = True
        self.link.connections.discard(self)
        other = self.ends[OTHER[end.side]]
        self.lanes[other.side].flush()
        other.close(reset=why is not None and other is self.client)

    def release(self, number: int) -> None:
        """What a rule held goes on."""
        self._follow(self.conversation.release(number))
        for side, end in self.ends.items():
            end.stand(still=self.conversation.holds(side), why="held")

    def stand_still(self, *, still: bool) -> None:
        """Nothing moves, or everything does."""
        for end in self.ends.values():
            end.stand(still=still, why="black hole")
        if not still and self.server.transport is None and self._reaching is None:
            self._reach()

    def orphan(self, side: Side) -> None:
        """Close one end's socket; the other one stays, and nothing comes out of it any more."""
        self.orphaned = side
        self.ends[OTHER[side]].stand(still=True, why="orphaned")
        self.ends[side].close(reset=side == "client")

    def cut(self, *, reset: bool = True) -> None:
        """The server gets the end behind all that is under way to it, the client a reset or the end."""
        self._over = True
        self.link.connections.discard(self)
        for lane in self.lanes.values():
            lane.flush()
        if self._reaching is not None:
            self._reaching.cancel()
        self.server.write(
            None
        )  # it closes when it has read all; closing now could reset what it has not read
        self.client.close(reset=reset)

    def _reach(self) -> None:
        self._reaching = self.link.loop.create_task(self._reached())

    async def _reached(self) -> None:
        try:
            await self.link.loop.create_connection(lambda: self.server, *self.link.upstream)
        except OSError:
            self.cut()

    def _follow(self, steps: list[Step]) -> None:
        for step in steps:
            if isinstance(step, Send):
                self.lanes[step.to].put(step.data)
            elif isinstance(step, Struck):
                self._say(step)
            elif isinstance(step, Cut):
                self.cut(reset=step.reset)

    def _say(self, struck: Struck) -> None:
        rule = struck.rule
        peer = self.client.transport.get_extra_info("peername") if self.client.transport else None
        told = struck.command.about + struck.command.raw
        found = dict.fromkeys(IDENTIFIER.findall(told + struck.reply))
        self.link.record(
            "fault-struck", fault=rule.fault, link=self.link.name, command=rule.command, step=rule.step,
            nth=rule.seen, connection=self.number, pid=pid_of(peer[1]) if peer else None,
            words=words(told), concerns=[each.decode() for each in found][:CONCERNS_LIMIT],
        )  # fmt: skip


def words(raw: bytes) -> str:
    """The printable beginning of a command."""
    found = re.findall(rb"[\x20-\x7e]{2,}", raw)
    kept = [each.decode("ascii") for each in found if not re.fullmatch(rb"[*$]\d+", each)]
    return " ".join(kept)[:WORDS_LIMIT]


_alarms: dict[asyncio.AbstractEventLoop, Alarm] = {}


def alarm_of(loop: asyncio.AbstractEventLoop) -> Alarm:
    """The one alarm of an event loop: a process has one interval timer."""
    if loop not in _alarms:
        _alarms[loop] = Alarm(loop)
    return _alarms[loop]
