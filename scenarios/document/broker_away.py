"""Claims about a broker that is away or full: 42 and 43."""

from __future__ import annotations

import re

from scenarios.document.bench import Bench, Seen
from scenarios.document.faults import full_broker

PAYROLL = "payroll.tasks.calculate_payroll"
AGAIN = re.compile(r"[Tt]rying again in (\d+\.\d+) seconds")
AWAY_S = 3000.0
"""Longer than a hundred tries take."""


def reconnects(bench: Bench) -> Seen:
    """Claim 42: the broker is away for fifty minutes; one worker is watched."""
    worker, before = bench.world.workers["critical"], len(bench.log("critical"))
    with bench.only("critical"):
        with bench.strike("broker_restart"):
            bench.wait(worker.ended, within_s=AWAY_S)
            gone = worker.ended()
        found = [AGAIN.search(line) for line in bench.log("critical")[before:]]
        waits = [float(match[1]) for match in found if match]
        told = ", ".join(f"{wait:g}" for wait in waits[:6])
        text = f"waits of {told} ... {max(waits, default=0):g} s, {len(waits)} tries"
        if gone:
            return Seen(False, f"{text}; then the worker gave up and ended")
        sent = bench.send(PAYROLL, 3, "2026-01", body={"stub": True})
        works = bench.ended(sent, within_s=300)
    return Seen(works, f"{text} in {AWAY_S / 60:.0f} minutes; the worker went on when it was back")


def no_publish_is_lost(bench: Bench) -> Seen:
    """Claim 43: five publishes to a broker that can take two (RabbitMQ) or none (Redis)."""
    with bench.stopped("critical"):
        with full_broker(bench, "critical", holds=2):
            sent = [bench.send(PAYROLL, 10 + n, "2026-01", body={"stub": True}) for n in range(5)]
            bench.passes(5)
            stored = bench.ask("depth", queue="critical") if bench.broker == "rabbitmq" else 0
        refused = len(bench.all("publish-failed", *sent))
    bench.ended(*(event.task_id or "" for event in bench.all("message-delivered", *sent)))
    text = f"5 publishes to a full broker: {refused} raised, {stored} stored"
    if refused + stored < len(sent):
        return Seen(False, f"{text}, {len(sent) - refused - stored} lost without a word")
    if bench.documented:
        return Seen(False, f"{text}: the caller gets the error, and nothing sends them later")
    return Seen(True, f"{text}: none is lost without a word")
