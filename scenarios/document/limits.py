"""Claims about limits of a run and of a process: 30, 31 and 41."""

from __future__ import annotations

from scenarios.document.bench import Bench, Seen


def limits_by_type(bench: Bench) -> Seen:
    """Claim 30: each worker is asked for the hard limit of each task."""
    found = {
        str(limit or "the global one of 1800")
        for tasks in bench.ask("registered", attribute="time_limit").values()
        for name, limit in tasks.items()
        if not name.startswith("wired.")
    }
    told = ", ".join(sorted(found, key=lambda limit: limit.rjust(4)))
    return Seen(len(found) > 1, f"hard limits of all tasks: {told} s")


def limit_and_acknowledgement(bench: Bench) -> Seen:
    """Claim 31: a task that always outlasts its hard limit, acknowledged or not when it does."""
    hold = {"hold_s": 60.0, "ignores_soft": True}
    given_back = bench.send("wired.not_acknowledged", body=hold)
    kept = bench.send("wired.hooked", body=hold)
    bench.passes(120)
    runs = {i: len(bench.all("task-started", i)) for i in (given_back, kept)}
    bench.world.calm(given_back)
    bench.ended(given_back, kept)
    text = f"by default the message is acknowledged and the task ran {runs[kept]}x"
    text += f"; with acks_on_failure_or_timeout=False it ran {runs[given_back]}x in 120 s, without end"
    return Seen(runs[given_back] <= 1, text)


def children_are_replaced(bench: Bench) -> Seen:
    """Claim 41: each worker is asked for the number of tasks after which it replaces a child."""
    found = sorted({str(pool.get("max-tasks-per-child")) for pool in bench.ask("stats").values()})
    return Seen(found != ["N/A"], f"max-tasks-per-child of all workers: {', '.join(found)}")
