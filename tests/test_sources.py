"""The app's source, parsed: functions, calls and comments, and nothing for what cannot be read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from harness.sources import Sources, keyword, last_name, names_in

TEXT = '''
@decorated(
    by=1
)
def pay(account):
    """Not a # comment."""
    other.pay.delay(account, queue="a")  # a comment
'''


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """One module."""
    path = tmp_path / "shop.py"
    path.write_text(TEXT, encoding="utf-8")
    return Sources({"shop.py": str(path)})


def test_a_function_begins_at_its_first_decorator(sources: Sources) -> None:
    function = sources.function("shop.py", 2)
    assert function is not None
    assert function.name == "pay"
    assert sources.function("shop.py", 5) is None


def test_functions_are_found_by_name(sources: Sources) -> None:
    assert [file for file, _ in sources.functions("pay")] == ["shop.py"]


def test_calls_are_found_by_the_last_name(sources: Sources) -> None:
    ((file, call),) = sources.calls("delay")
    assert (file, call.lineno) == ("shop.py", 7)
    queue = keyword(call, "queue")
    assert isinstance(queue, ast.Constant)
    assert queue.value == "a"
    assert keyword(call, "retry") is None


def test_a_comment_is_no_text_in_a_string(sources: Sources) -> None:
    assert list(sources.comments("shop.py")) == [(7, "# a comment")]


@pytest.mark.parametrize("content", [b"def (", b"\xff\xfe", b"x = '\0'"])
def test_what_cannot_be_parsed_is_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "shop.py").write_bytes(content)
    sources = Sources({"shop.py": str(tmp_path / "shop.py")})
    assert sources.tree("shop.py").body == []
    assert sources.function("shop.py", 1) is None


def test_a_file_that_is_not_known_is_empty() -> None:
    assert Sources().tree("gone.py").body == []
    assert list(Sources().comments("gone.py")) == []


def test_names_of_an_expression() -> None:
    assert names_in(ast.parse("a.b(c)")) == {"a", "b", "c"}
    assert last_name(ast.parse("a.b[0]", mode="eval").body) == ""
