"""Workers of one name are found."""

from __future__ import annotations

from tests.rules.conftest import Lint

ONE = "one: celery -A shop worker -Q one"
TWO = "two: celery -A shop worker -Q two"


def test_two_without_a_name_are_one_node(lint: Lint) -> None:
    (finding,) = lint("", files={"Procfile": f"{ONE}\n{TWO}\n"})
    assert (finding.rule, finding.subject, finding.where) == ("OPS001", "celery@%h", "Procfile:2")


def test_two_of_one_name(lint: Lint) -> None:
    (finding,) = lint("", files={"Procfile": f"{ONE} -n a@%h\n{TWO} --hostname=a@%h\n"})
    assert finding.subject == "a@%h"


def test_names_of_their_own(lint: Lint) -> None:
    assert lint("", files={"Procfile": f"{ONE} -n one@%h\n{TWO} -n two@%h\n"}) == []


def test_without_a_procfile_nobody_knows(lint: Lint) -> None:
    assert [finding.severity for finding in lint("")] == ["unknown"]
