"""A result is not kept."""

from __future__ import annotations

from tests.mutations.targets import mutants, target, told


def test_results_are_ignored_uncompressed_or_of_another_form() -> None:
    app = target({"result_compression": "gzip", "result_serializer": "json"}, {"ignore_result": False})
    assert told("result", app) == [
        ("task_ignore_result", None, True), ("ignore_result", False, True),
        ("result_compression", "gzip", None), ("result_serializer", "json", "pickle"),
    ]  # fmt: skip


def test_what_is_not_kept_cannot_change() -> None:
    assert mutants("result", target(options={"ignore_result": True})) == []
