"""Colours never change a text, and never show as a comment what runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.web.highlight import CHANGING, COMMENT, KEYWORD, STRING, VARIABLE, after_comments, spans

_PARTS = st.sampled_from(
    [
        *("delete", " ", "'", '"', "\\", "$", "$$", "--", "/*", "*/"),
        *("\n", "#", "ö", "E'", "(", "$(", ";", "\x00"),
    ]
)


def kinds(text: str, protocol: str) -> dict[str, str]:
    return {span.text: span.kind for span in spans(text, protocol)}


def test_sql_is_read_as_postgres_reads_it() -> None:
    found = kinds("DELETE from t where a = 'x' and b = $1 -- why", "postgres")
    assert found["DELETE"] == CHANGING
    assert found["'x'"] == STRING
    assert found["$1"] == VARIABLE
    assert found["-- why"] == COMMENT


@pytest.mark.parametrize(
    ("text", "kind"), [("GET /a", KEYWORD), ("DELETE /a?b=c", CHANGING), ("delete /a", "")]
)
def test_a_requests_method_has_a_colour(text: str, kind: str) -> None:
    assert kinds(text, "http").get(text.partition(" ")[0], "") == kind


def test_a_shell_line_is_read_as_the_gateway_reads_it() -> None:
    found = kinds("rm '/srv/ö' $X # why", "ssh")
    assert (found["'/srv/ö'"], found["$X"], found["# why"]) == (STRING, VARIABLE, COMMENT)


@pytest.mark.parametrize(
    "text",
    [
        "select E'a\\' -- ' ; delete from t",  # a quote behind a backslash, in an escape string
        "select 'a\\'; delete from t -- '",  # and in one that is none
        "/* /* */ select 1; */ delete from t",
        "select $a$ -- $a$; delete from t",
    ],
)
def test_what_runs_never_looks_like_a_comment(text: str) -> None:
    assert any(span.text == "delete" and span.kind == CHANGING for span in spans(text, "postgres"))


@pytest.mark.parametrize(
    ("text", "protocol"), [("select 'a", "postgres"), ("ls (", "ssh"), ("Get /", "http")]
)
def test_what_is_not_read_as_a_whole_has_no_colour(text: str, protocol: str) -> None:
    assert [(span.text, span.kind) for span in spans(text, protocol)] == [(text, "")]


@given(st.lists(_PARTS, max_size=12).map("".join), st.sampled_from(["postgres", "ssh"]))
def test_the_spans_are_the_text(text: str, protocol: str) -> None:
    assert "".join(span.text for span in spans(text, protocol)) == text


@pytest.mark.parametrize(
    ("text", "protocol", "rest"),
    [
        ("/* reason: x */ -- y\n delete from t -- z", "postgres", "delete from t -- z"),
        ("/* /* */ select 1; */ delete from t", "postgres", "delete from t"),
        ("'/* x */' delete from t", "postgres", "'/* x */' delete from t"),
        ("# why\nrm -r x # y", "ssh", "rm -r x # y"),
        ("-- nothing else", "postgres", "-- nothing else"),
        ("/* unended; delete from t", "postgres", "/* unended; delete from t"),
        ("/* x */ GET /", "http", "/* x */ GET /"),
    ],
)
def test_a_list_shows_a_text_from_where_it_does_something(text: str, protocol: str, rest: str) -> None:
    assert after_comments(text, protocol) == rest
