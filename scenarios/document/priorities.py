"""Claims about what comes first: 6, 8, 9, 10 and 11."""

from __future__ import annotations

from scenarios.document.bench import Bench, Seen

PAYROLL = "payroll.tasks.calculate_payroll"
NORMAL = "integrations.tasks.sync_holidays"
LOW = "core.tasks.generate_reports"
STUB = {"stub": True}


def annotations_for_all(bench: Bench) -> Seen:
    """Claim 6: '*' beside an exact name; what the workers apply is asked of them."""
    answers = bench.ask("registered", attribute="rate_limit")
    applied = sorted({str(tasks["wired.limited"]) for tasks in answers.values()})
    return Seen(
        applied == ["2/m"], f"exact name 2/m, '*' 999/m: {len(answers)} workers apply {', '.join(applied)}"
    )


def highest_number_first(bench: Bench) -> Seen:
    """Claim 8: three tasks wait in one queue, with priority 0, 3 and 9."""
    with bench.stopped("critical"):
        sent = {bench.send(PAYROLL, 1, "2026-01", body=STUB, priority=number): number for number in (0, 3, 9)}
    bench.ended(*sent)
    order = [sent[str(event.task_id)] for event in bench.all("message-delivered", *sent)]
    return Seen(order == [9, 3, 0], f"delivered in the order {', '.join(map(str, order))}")


def urgent_before_the_rest(bench: Bench) -> Seen:
    """Claim 9: a worker of two queues (documented), or urgent work beside a flood of other work (myhours)."""
    if not bench.documented:
        flood = [bench.send(LOW, 2026, 1 + n, body={"stub": True, "hold_s": 60}) for n in range(4)]
        bench.wait(lambda: bool(bench.all("body-entered", *flood)))
        urgent = bench.send(PAYROLL, 1, "2026-01", body=STUB)
        bench.ended(urgent)
        first = not bench.all("task-succeeded", *flood)
        bench.ended(*flood)
        return Seen(first, "a critical task ran while 4 low ones that came before it occupied their worker")
    with bench.stopped("normal"):
        sent = {}
        for number in range(12):
            sent[bench.send(LOW, 2026, number + 1, body=STUB)] = "L"
            sent[bench.send(NORMAL, "DE", 2000 + number, body=STUB)] = "N"
    bench.ended(*sent)
    order = "".join(sent[str(event.task_id)] for event in bench.all("message-delivered", *sent))
    return Seen(order == "N" * 12 + "L" * 12, f"normal (5) and low (2) were delivered as {order}")


def order_within_a_queue(bench: Bench) -> Seen:
    """Claim 10: the argument is changed and declared again, as a deployment does."""
    said = bench.ask("redeclare", queue="critical", arguments={"x-max-priority": 5})
    if said is None:
        return Seen(False, "declared again with 5 instead of 10, and nobody minded: the argument is ignored")
    return Seen(False, f"every task of the queue has priority 9, so none overtakes; changed to 5: {said}")


def pattern_in_a_direct_exchange(bench: Bench) -> Seen:
    """Claim 11: another service publishes with a key that fits the pattern, and with the pattern itself."""
    with bench.stopped("failed"):
        bench.ask("purge", queue="failed")
        arrived = {}
        for key in ("failed.payroll", "failed.*"):
            before = bench.ask("depth", queue="failed")
            bench.ask("publish", exchange="failed", routing_key=key)
            bench.wait(lambda before=before: bench.ask("depth", queue="failed") > before, within_s=3)  # type: ignore[misc]
            arrived[key] = bench.ask("depth", queue="failed") - before
        bench.ask("purge", queue="failed")
    told = ", ".join(f"{key!r}: {count} of 1 arrived" for key, count in arrived.items())
    return Seen(arrived["failed.payroll"] == 1, f"published with {told}")
