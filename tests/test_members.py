"""Which task stands for its tier, and which are configured unlike it."""

from __future__ import annotations

from typing import Any

from harness.contract import Contract, Sample, Tier
from harness.members import rounds, unlike

TIER = Tier("sales", ("shop.*",), members=("shop.a", "shop.b", "shop.c"))
OTHER = Tier("rest", ("*",), members=("rest.a", "rest.b"))


def settings(**tasks: dict[str, Any]) -> dict[str, Any]:
    """A snapshot with these options of tasks; their places differ anyway."""
    return {
        "tasks": {
            name.replace("_", "."): {"line": place, "file": f"{place}.py", **options}
            for place, (name, options) in enumerate(tasks.items())
        }
    }


def late(value: bool, origin: str = "") -> dict[str, Any]:
    return {"acks_late": {"value": value, "origin": origin}}


def test_a_task_is_unlike_the_usual_one_where_a_value_differs_and_not_where_its_place_does() -> None:
    known = settings(shop_a=late(True, "here"), shop_b=late(True, "there"), shop_c=late(False))
    assert unlike(Contract((TIER,)), TIER, known) == {"shop.c": ["acks_late"]}


def test_the_one_with_a_sample_stands_for_the_tier() -> None:
    known = settings(shop_a=late(True), shop_b=late(True), shop_c=late(False))
    sampled = Contract((TIER,), samples={"shop.c": Sample()})
    assert unlike(sampled, TIER, known) == {"shop.a": ["acks_late"], "shop.b": ["acks_late"]}


def test_each_round_has_one_task_of_each_tier_until_all_have_stood_for_it() -> None:
    known = settings(
        shop_a=late(True), shop_b=late(False), shop_c=late(False), rest_a=late(True), rest_b=late(False)
    )
    assert rounds(Contract((TIER, OTHER)), known) == [("shop.b", "rest.b"), ("shop.c",)]
    assert rounds(Contract((TIER, OTHER)), settings(shop_a={}, shop_b={}, rest_a={})) == []
