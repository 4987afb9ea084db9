"""Payments under chaos: a world with a careful or a careless app, and the ledger that says who was paid."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path

from harness.contract import Contract
from harness.lives import lives
from harness.plugin import Judgement, conducted
from harness.stage import World
from harness.workload import Body, Experiment, Send, Strike

SETTLE_WITHIN_S = 4 * 3600.0
"""Longer than any clock is stepped: a retry may wait for a moment of the wall clock."""


OpenBank = Callable[..., AbstractContextManager["Bank"]]
SOON = Body(hold_s=0.5)
"""Long enough to be struck in."""

GUARANTEES = ("no_lost_task", "queue_used")


@dataclass(frozen=True, slots=True)
class Paid:
    """What became of one batch of payments."""

    judgement: Judgement
    accounts: range
    payments: Counter[int]
    """Rows of the ledger by account: money that moved."""

    def assert_each_paid_once(self) -> None:
        """Nothing lost in the broker's books, and nobody left out or paid twice in the ledger."""
        self.judgement.assert_kept("no_lost_task")
        assert not self.lost, f"never paid: {sorted(self.lost)}"
        assert not self.twice, f"paid more than once: {sorted(self.twice)}"

    @property
    def lost(self) -> set[int]:
        """Accounts that were never paid."""
        return set(self.accounts) - set(self.payments)

    @property
    def twice(self) -> set[int]:
        """Accounts that were paid more than once."""
        return {account for account, times in self.payments.items() if times > 1}

    @property
    def redelivered(self) -> int:
        """Tasks that were started more than once as the same attempt."""
        return sum(len(life.runs) > len(life.numbers) for life in lives(self.judgement.history).values())

    @property
    def commands(self) -> list[tuple[str, str]]:
        """The commands at which the proxy struck, and the step of each."""
        events = self.judgement.history.of("fault-struck")
        return [(str(event.get("command")), str(event.get("step"))) for event in events]

    @property
    def runs(self) -> int:
        """How often bodies were entered."""
        return sum(len(life.runs) for life in lives(self.judgement.history).values())

    def struck(self) -> list[str]:
        """The faults that really struck, in order."""
        events = self.judgement.history.of("fault-injected")
        return [str(event.get("fault")) for event in events if event.task_id is None]


@dataclass(slots=True)
class Bank:
    """A running world and the ledgers in the stage's own database folder, a new one for each batch."""

    world: World
    contract: Contract
    batches: int = 0

    def pay(
        self, count: int, *strikes: Strike, every_s: float = 0.0, body: Body = SOON,
        settle_within_s: float = SETTLE_WITHIN_S, from_s: float = 0.0,
    ) -> Paid:  # fmt: skip
        """Send `count` payments from `from_s` on while faults strike; returns when all is settled."""
        self.batches += 1
        ledger = self._ledger()
        accounts = range(1, count + 1)
        sends = [
            Send("payments.pay", body, at_s=from_s + place * every_s, args=(account, str(ledger)))
            for place, account in enumerate(accounts)
        ]
        experiment = Experiment(
            f"chaos-{self.batches}",
            "payments",
            tuple(sends),
            strikes,
            settle_within_s=settle_within_s,
            runaway_after=60,
        )
        judgement = conducted(self.world, self.contract, experiment, guarantees=GUARANTEES)
        paid = Paid(judgement, accounts, _payments(ledger))
        assert sorted(paid.struck()) == sorted(strike.fault for strike in strikes), "not every fault struck"
        return paid

    def _ledger(self) -> Path:
        folder: Path = self.world.database.folder  # type: ignore[attr-defined]
        path = folder / f"ledger{self.batches}.sqlite3"
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE payment (account INTEGER)")
            connection.execute("CREATE TABLE settled (account INTEGER PRIMARY KEY)")
        return path


def _payments(ledger: Path) -> Counter[int]:
    with closing(sqlite3.connect(ledger)) as connection:
        return Counter(row[0] for row in connection.execute("SELECT account FROM payment"))
