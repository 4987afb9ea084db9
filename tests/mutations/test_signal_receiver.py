"""A receiver is not connected."""

from __future__ import annotations

from tests.mutations.targets import mutants, target


def test_each_receiver_of_the_project_is_unhooked_and_those_of_packages_stay() -> None:
    connected = [
        {"name": "on_failure", "file": "shop.py", "line": 3},
        {"name": "sentry", "file": "", "line": 0},
    ]
    (found,) = mutants("signal_receiver", target(signals={"task_failure": connected}))
    assert found.edits == ({"do": "receiver", "signal": "task_failure", "name": "on_failure"},)
