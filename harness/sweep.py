"""Loses the worker, the child or the connection before and after each protocol step of a task's life."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from harness.laboratories import Laboratories
from harness.probe.steps import WHERE, Point
from harness.trials import Schedule, Trial

LOSSES = ("kill_worker", "kill_child", "drop_connections")


@dataclass(frozen=True, slots=True)
class Cell:
    """What became of one loss at one step: the guarantees that it broke; none is right."""

    point: Point
    broken: tuple[str, ...]
    token: str


@dataclass(frozen=True, slots=True)
class Row:
    """One protocol step, and each loss before and after it; None where it makes no sense there."""

    kind: str
    task: str
    nth: int
    role: str
    cells: dict[tuple[str, str], Cell | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sweep:
    """All steps of a life, and what they stand."""

    base: Trial
    rows: tuple[Row, ...]

    @property
    def trials(self) -> int:
        """How many losses were tried."""
        return sum(cell is not None for row in self.rows for cell in row.cells.values())

    @property
    def broken(self) -> tuple[Cell, ...]:
        """Losses that broke something."""
        return tuple(
            cell for row in self.rows for cell in row.cells.values() if cell is not None and cell.broken
        )


def sweep(labs: Laboratories, schedule: Schedule, report: Callable[[str], None]) -> Sweep:
    """Run the schedule once to learn its steps, then once for each loss at each of them."""
    base = labs.try_out(replace(schedule, points=()))
    rows = [Row(kind, task, nth, role.partition(":")[0]) for kind, task, nth, role in base.steps]
    losses = [(number, row, point) for number, row in enumerate(rows, start=1) for point in _points(row)]
    trials = labs.try_all(replace(schedule, points=(point,)) for _, _, point in losses)
    for (number, row, point), found in zip(losses, trials, strict=True):
        report(f"step {number}/{len(rows)}: {row.kind} {row.nth} of {row.task}")
        broken = tuple(sorted({each.guarantee for each in found.broken}))
        row.cells[point.action, point.when] = Cell(point, broken, found.schedule.token())
    return Sweep(base, tuple(rows))


def _points(row: Row) -> Iterable[Point]:
    for action in LOSSES:
        if action not in WHERE[row.kind] or (action == "kill_child" and row.role != "child"):
            continue
        if action == "kill_worker" and row.role == "client":
            continue
        for when in ("before", "after"):
            yield Point(row.kind, row.task, row.nth, when, action)
