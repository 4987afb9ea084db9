"""See `ResultExpiry`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target, is_number, scaled

SETTINGS = ("result_expires", "result_failure_expires")


class ResultExpiry(Mutation):
    """Results are gone after a tenth of their time, after the tenfold, or never."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        for name in SETTINGS:
            value = target.conf(name)
            if is_number(value) and value:
                for after in (*scaled(value), None if name == "result_expires" else 0):
                    yield self.of_conf(target, name, after)
