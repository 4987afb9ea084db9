"""Messages are written in another form."""

from __future__ import annotations

from tests.mutations.targets import target, told


def test_messages_are_of_a_form_that_nobody_accepts() -> None:
    app = target({"accept_content": ["json"], "task_serializer": "json"})
    assert told("serializer", app) == [
        ("task_serializer", "json", "pickle"), ("accept_content", ["json"], ["pickle"]),
    ]  # fmt: skip
