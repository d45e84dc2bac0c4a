import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.postgres.reasons import LONGEST, Given, Reasons, Why, said_in, set_by


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("/* reason: count, ticket: OPS-1 */ select 1", Why("count", "OPS-1")),
        ("select 1 -- reason: count what is open", Why("count what is open", "")),
        ("/* ticket: OPS-1; Reason: a, b and c */ select 1", Why("a, b and c", "OPS-1")),
        ("select 1 /* reason: one */ /* reason: two, ticket: T */", Why("one", "T")),
        ("/* why\n reason: over\n lines\n ticket: T */ select 1", Why("over lines", "T")),
        ("/* reason: /* nested */ x */ select 1", Why("/* nested */ x", "")),
        ("/* reason: one */ select 1 /* plain */ -- another", Why("one", "")),
        ("select '/* reason: in a string */'", Why()),
        ("select $$-- reason: in a string$$", Why()),
        ("select 1 /* no reason given: none */", Why()),
        ("/* reason: */ select 1", Why()),
        ("select 'reason: open", Why()),
        ("/* unmask: public.c.email, reason: x */ select 1", Why("x", "", ("public.c.email",))),
        ("/* reason: x, unmask: b.c.d , a.b.c,, */ select 1", Why("x", "", ("a.b.c", "b.c.d"))),
        ("/* unmask: a.b.c */ select 1 /* unmask: d.e.f */", Why("", "", ("a.b.c",))),
        ("select '/* unmask: a.b.c */'", Why()),
    ],
)
def test_what_a_comment_says(text: str, why: Why) -> None:
    assert said_in(text) == why


@pytest.mark.parametrize(
    ("text", "given_"),
    [
        ("set countersign.reason = 'count'", Given("reason", "count", False)),
        ("SET SESSION countersign.ticket TO 'OPS-1'", Given("ticket", "OPS-1", False)),
        ('set local "countersign"."reason" to \'x\'', Given("reason", "x", True)),
        ("reset countersign.reason", Given("reason", "", False)),
        ("set countersign.reason to default", Given("reason", "", False)),
        ("set countersign.other = 'x'", None),
        ("set countersign.unmask = 'a.b.c'", None),
        ("select set_config('countersign.reason', (select card from customers), false)", None),
        ("set search_path = countersign", None),
        ("set countersign.reason = 'a'; select 1", None),
    ],
)
def test_what_a_set_gives(text: str, given_: Given | None) -> None:
    assert set_by(text) == given_


def test_the_nearest_reason_counts() -> None:
    reasons = Reasons(session=Why("session", "S"))
    reasons.give(Given("reason", "transaction", True))
    assert reasons.of("select 1") == Why("transaction", "S")
    assert reasons.of("select 1 -- reason: own") == Why("own", "S")
    assert reasons.of("select 1 /* unmask: a.b.c */").unmask == ("a.b.c",)
    assert reasons.of("select 1").unmask == (), "asked for one statement"
    reasons.end_transaction()
    reasons.give(Given("ticket", "", False))
    assert reasons.of("select 1") == Why("session", "")


@given(st.text())
def test_any_text_is_words_on_a_line(words: str) -> None:
    found = said_in(f"/* reason: {words.replace('*/', '')} */ select 1").reason
    assert found.isprintable()
    assert len(found) <= LONGEST
