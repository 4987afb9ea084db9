"""The proxy as a process: ``python -m harness.proxy.server ORDERS``, told what to do on its control port.

One line of JSON an order, one line an answer. What it does to the app's connections it records where the
probe records, so that both stand in one history.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.probe.record import Recorder
from harness.proxy.link import Link
from harness.proxy.rules import Rule


class Control:
    """Carries out orders; each method whose name begins with ``do_`` is one."""

    def __init__(self, links: Mapping[str, Link]) -> None:
        self.links = links

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the harness hangs up."""
        while line := await reader.readline():
            order = json.loads(line)
            try:
                answer = await getattr(self, f"do_{order.pop('do')}")(**order) or {}
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
                answer = {"error": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def do_look(self) -> dict[str, Any]:
        """Connections by link."""
        return {"connections": {name: len(link.connections) for name, link in self.links.items()}}

    async def do_arm(self, link: str, rule: dict[str, Any]) -> None:
        """A rule is in force from the next command on."""
        self.links[link].rules.append(Rule(**rule))

    async def do_disarm(self, link: str, number: int) -> dict[str, Any]:
        """It is not, and what it held goes on."""
        seen = [rule.seen for rule in self.links[link].rules if rule.number == number]
        self.links[link].disarm(number)
        return {"seen": sum(seen)}

    async def do_slow(self, link: str, latency_s: float, jitter_s: float, bytes_per_s: float) -> None:
        """Everything takes time."""
        pace = self.links[link].pace
        pace.latency_s, pace.jitter_s, pace.bytes_per_s = latency_s, jitter_s, bytes_per_s

    async def do_hurry(self, link: str) -> None:
        """Nothing does, and what is under way arrives."""
        self.links[link].hurry()

    async def do_swallow(self, link: str, *, on: bool) -> None:
        """A black hole, or none."""
        self.links[link].swallow(on=on)

    async def do_refuse(self, link: str, *, on: bool) -> None:
        """New connections are refused, or not."""
        if on:
            self.links[link].refuse()
        else:
            await self.links[link].listen()

    async def do_cut(self, link: str) -> dict[str, Any]:
        """Reset every connection."""
        return {"count": self.links[link].cut()}

    async def do_orphan(self, link: str, side: Any) -> dict[str, Any]:
        """One side of every connection is dead, and the other does not learn it."""
        return {"count": self.links[link].orphan(side)}

    async def do_bury(self, link: str) -> None:
        """It does."""
        self.links[link].bury()


async def serve(orders: Mapping[str, Any]) -> None:
    """Listen until the process is ended."""
    recorder = Recorder(Path(orders["events"]), "proxy")
    links = {
        each["name"]: Link(
            each["name"], each["port"], tuple(each["upstream"]), each["protocol"], orders["seed"],
            recorder.write, orders["host"],
        )
        for each in orders["links"]
    }  # fmt: skip
    for link in links.values():
        await link.listen()
    control = await asyncio.start_server(Control(links).serve, orders["host"], orders["control"])
    await control.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
