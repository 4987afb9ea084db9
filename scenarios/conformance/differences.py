"""Where the simulated stage is known to differ from real workers, and why: all else is a bug."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scenarios.conformance.normal import Unlike


@dataclass(frozen=True, slots=True)
class Difference:
    """One place at which one behaviour differs, on these brokers; `why` names the source."""

    behaviour: str
    where: str
    why: str
    brokers: tuple[str, ...] = ("redis", "rabbitmq")

    def covers(self, behaviour: str, broker: str, unlike: Unlike) -> bool:
        """Whether this is the place."""
        return (behaviour, unlike.where) == (self.behaviour, self.where) and broker in self.brokers


DIFFERENCES: tuple[Difference, ...] = ()


def undocumented(
    behaviour: str, broker: str, found: Iterable[Unlike], table: Sequence[Difference] = DIFFERENCES
) -> list[Unlike]:
    """What differs and is not in the table."""
    return [each for each in found if not any(one.covers(behaviour, broker, each) for one in table)]


def stale(
    behaviour: str, broker: str, found: Iterable[Unlike], table: Sequence[Difference] = DIFFERENCES
) -> list[Difference]:
    """Entries of the table about this behaviour that no longer differ."""
    unlike = list(found)
    return [
        one
        for one in table
        if one.behaviour == behaviour
        and broker in one.brokers
        and not any(one.covers(behaviour, broker, each) for each in unlike)
    ]
