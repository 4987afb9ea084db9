"""See `SignalReceiver`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.mutation import Mutant, Mutation, Target


class SignalReceiver(Mutation):
    """A receiver of one of Celery's signals is not connected: what files dead letters, alerts, or logs."""

    def mutants(self, target: Target) -> Iterator[Mutant]:
        for signal, receivers in sorted((target.snapshot.get("signals") or {}).items()):
            for each in receivers:
                if each.get("file"):
                    edit = {"do": "receiver", "signal": signal, "name": each["name"]}
                    yield Mutant(self.name, f"{signal}: {each['name']}", "connected", None, edits=(edit,))
