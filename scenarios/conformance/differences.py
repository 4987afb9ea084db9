"""Where the simulated stage is known to differ from real workers, and why: all else is a bug."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from scenarios.conformance.normal import Unlike


@dataclass(frozen=True, slots=True)
class Difference:
    """One place at which one behaviour differs, on these brokers; `why` names the source."""

    behaviour: str
    where: str
    why: str
    brokers: tuple[str, ...] = ("redis", "rabbitmq")
    celery: str = ""
    """The series of Celery in which it is found (``5.4``); empty: in all."""

    def concerns(self, behaviour: str, broker: str) -> bool:
        """Whether it is about this behaviour, on this broker and with the Celery that is installed."""
        here = not self.celery or version("celery").startswith(f"{self.celery}.")
        return here and behaviour == self.behaviour and broker in self.brokers

    def covers(self, behaviour: str, broker: str, unlike: Unlike) -> bool:
        """Whether this is the place."""
        return unlike.where == self.where and self.concerns(behaviour, broker)


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
        if one.concerns(behaviour, broker) and not any(one.covers(behaviour, broker, each) for each in unlike)
    ]
