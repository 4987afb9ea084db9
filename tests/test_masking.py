"""Credentials are not shown."""

from __future__ import annotations

import pytest

from harness.masking import MASK, Mask, masked, masked_deep, printable


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


def test_a_credential_of_a_record_is_masked_wherever_it_is_written() -> None:
    events = [
        {"kwargs": {"token": "abcdef-1", "n": 1}},
        {"kwargs": {"token": "abcdef-2", "dsn": "pw"}},
        {"record": {"kwargs": '{"token": "abcdef-1"}'}, "text": "sent with abcdef-2 to redis://u:p@host, pw"},
    ]
    mask = Mask(events)
    assert [mask(event) for event in events] == [
        {"kwargs": {"token": MASK, "n": 1}},
        {"kwargs": {"token": f"{MASK}2", "dsn": f"{MASK}3"}},
        {
            "record": {"kwargs": f'{{"token": "{MASK}"}}'},
            "text": f"sent with {MASK}2 to redis://u:{MASK}@host, pw",
        },
    ]


def test_without_a_credential_a_record_stays_as_it_is() -> None:
    event = {"args": [1, "a"], "kwargs": {"name": "n", "key": "k"}, "count": 2}
    assert Mask([event])(event) == event
