"""Credentials are not shown."""

from __future__ import annotations

import pytest

from harness.masking import MASK, masked, masked_deep, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:pw@host/0", f"redis://:{MASK}@host/0"),
        ("amqp://guest:guest@a:5672//; amqp://x:y@b", f"amqp://guest:{MASK}@a:5672//; amqp://x:{MASK}@b"),
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("mail to admin@example.com: now", "mail to admin@example.com: now"),
    ],
)
def test_passwords_of_urls_are_masked(text: str, shown: str) -> None:
    assert masked(text) == shown


def test_control_characters_are_replaced_and_lines_stay() -> None:
    assert printable("a\x1b[31m\tb\n\x00\x9b") == "a\ufffd[31m\tb\n\ufffd\ufffd"


def test_values_of_secret_names_are_masked_at_any_depth() -> None:
    given = {"kwargs": {"api_key": "k", "user": {"password": "p", "name": "n"}}, "args": ["http://a:b@c", 1]}
    assert masked_deep(given) == {
        "kwargs": {"api_key": MASK, "user": {"password": MASK, "name": "n"}},
        "args": [f"http://a:{MASK}@c", 1],
    }


def test_items_of_a_secret_list_are_masked_and_what_is_empty_stays() -> None:
    assert masked_deep({"tokens": ["a", "b"], "secret": ""}) == {"tokens": [MASK, MASK], "secret": ""}
