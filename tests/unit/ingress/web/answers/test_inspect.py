"""Every filter by way of the one that chooses it, its body cut anywhere."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.chunking import chunked, every_split

from ingress.web.answers.counting import Uninspectable
from ingress.web.answers.inspect import Inspection, Sight
from ingress.web.selectors import Selectors
from processors.masking.masks import MASKS
from schemas.vocabulary import SensitiveColumn

FIELDS = Selectors([SensitiveColumn("$..email", "email"), SensitiveColumn("$..ssn", "null")])
SIGHT = Sight(FIELDS, MASKS, ("email", "card_number"), (b"the-secret",), ("image/*",))
PLAIN = Sight(Selectors(()), MASKS, ("email", "card_number"), (b"the-secret",), ())


def through(media: str, pieces: tuple[bytes, ...], sight: Sight = SIGHT) -> bytes:
    found = Inspection(sight).filter(media.encode())
    return b"".join([*(found.feed(piece) for piece in pieces), found.finish()])


@pytest.mark.parametrize(
    ("media", "body", "masked"),
    [
        ("application/json", '{"email":"jane@b.cc", "x": 1}', '{"email":"j***@b.cc", "x": 1}'),
        ("application/json", '{"email": {"a": [1]}, "x": []}', '{"email": "[masked]", "x": []}'),
        (
            "application/json",
            '{"email": ["jane@b.cc", null, 7]}',
            '{"email": ["j***@b.cc", null, "[masked]"]}',
        ),
        ("application/json", '{"ssn": "123", "n": 1.5e+3}', '{"ssn": null, "n": 1.5e+3}'),
        ("application/json", "4111111111111111", '"************1111"'),
        ("application/json", '["x the-secret y", "\\u006aane@b.cc"]', '["x ********** y", "j***@b.cc"]'),
        ("application/json", '"a\\"jane@b.cc"', '"a\\"j***@b.cc"'),
        ("application/json", '{"a": "{\\"ssn\\": \\"123\\"}"}', '{"a": "{\\"ssn\\": null}"}'),
        ("application/json", '{"a": "[1, 2]", "b": "{no"}', '{"a": "[1, 2]", "b": "{no"}'),
        ("text/csv", 'id,doc\n1,"{""ssn"": ""123""}"\n', 'id,doc\n1,"{""ssn"": null}"\n'),
        ("application/xml", '<r a="[1]">{"ssn": "123"}</r>', '<r a="[1]">{"ssn": null}</r>'),
        ("application/vnd.x+json; charset=UTF-8", '{"email":"jane@b.cc"}', '{"email":"j***@b.cc"}'),
        ("application/x-ndjson", '{"email":"a1@b.cc"}\n{"x":2}\n', '{"email":"a***@b.cc"}\n{"x":2}\n'),
        ("text/csv", "id,email\r\n1,jane@b.cc\r\n", "id,email\r\n1,j***@b.cc\r\n"),
        ("text/csv", 'id,note\n1,"a\njane@b.cc"\n', 'id,note\n1,"a\nj***@b.cc"\n'),
        ("application/xml", "<r><email>jane@b.cc</email>&lt;</r>", "<r><email>j***@b.cc</email>&lt;</r>"),
        ("application/xml", "<r><email><a>x</a>y</email></r>", "<r><email>[masked]</email></r>"),
        ("text/event-stream", 'data: {"email":"jane@b.cc"}\n\n', 'data: {"email":"j***@b.cc"}\n\n'),
        (
            "multipart/mixed; boundary=b",
            '--b\r\nContent-Type: application/json\r\n\r\n{"email":"jane@b.cc"}\r\n--b--\r\n',
            '--b\r\nContent-Type: application/json\r\n\r\n{"email":"j***@b.cc"}\r\n--b--\r\n',
        ),
        ("image/png", "\x89PNG", "\x89PNG"),
    ],
)
def test_what_is_masked_wherever_it_is_cut(media: str, body: str, masked: str) -> None:
    for pieces in every_split(body.encode()):
        assert through(media, pieces).decode() == masked


@pytest.mark.parametrize(
    ("media", "body"),
    [
        *(
            ("application/json", body)
            for body in ("{", "[1,]", "{'a': 1}", "[1 2]", "01", "nul", "]", '"\t"', "{}x", "")
        ),
        ("application/json; charset=utf-16", "{}"),
        ("application/json, text/plain", "{}"),
        ("text/plain", "x"),
        ("text/csv", "1,jane@b.cc\r\n"),
        ("text/csv", 'a,b\r\n"1'),
        ("text/csv", "id\r\n1,2\r\n"),
        ("application/xml", "<r>"),
        ("application/xml", '<!DOCTYPE r [<!ENTITY e "x">]><r>&e;</r>'),
        ("multipart/mixed", "--b--"),
        ("multipart/mixed; boundary=b", "--b\r\n\r\nx"),
        ("multipart/byteranges; boundary=b", "--b--"),
        ("application/octet-stream", "x"),
        ("", "x"),
    ],
)
def test_what_cannot_be_inspected(media: str, body: str) -> None:
    with pytest.raises(Uninspectable):
        through(media, (body.encode(),))


def test_a_document_in_a_text_has_the_fields_of_its_own_and_of_the_one_around_it() -> None:
    sight = Sight(Selectors([SensitiveColumn("$.body.pin", "null")]), MASKS, (), (), ())
    for body in (b'{"body": "{\\"pin\\": 1}"}', b'{"x": "{\\"body\\": {\\"pin\\": 1}}"}'):
        assert json.loads(through("application/json", (body,), sight)) == json.loads(
            body.replace(b"1", b"null")
        )


def test_the_rows_of_a_document_in_a_text_are_no_rows() -> None:
    inspection = Inspection(SIGHT)
    filtering = inspection.filter(b"application/json")
    filtering.feed(b'[{"a": "[1, 2, 3]"}, {"a": "[4, 5]"}]')
    assert inspection.counts.rows == 2


@given(st.data())
def test_any_json_stays_what_it_is(data: st.DataObject) -> None:
    value = data.draw(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-1000, 1000)
            | st.text(st.characters(codec="utf-8"), max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
            ),
            max_leaves=10,
        )
    )
    text = json.dumps(
        value, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 1]))
    )
    body = text.encode("utf-8", "surrogatepass")
    assert through("application/json", data.draw(chunked(body))) == body


@given(st.text("ab \n", max_size=40), st.data())
def test_a_value_in_text_is_found_wherever_it_is_cut(around: str, data: st.DataObject) -> None:
    body = f"{around} jane@b.cc {around}".encode()
    pieces = data.draw(chunked(body))
    assert through("text/plain", pieces, PLAIN) == body.replace(b"jane", b"j***")


def test_a_long_text_is_found_across_its_windows() -> None:
    line = b"x" * 1000 + b" jane@b.cc\n"
    body = line * 100
    pieces = tuple(body[start : start + 777] for start in range(0, len(body), 777))
    assert through("text/plain", pieces, PLAIN) == body.replace(b"jane", b"j***")


def test_a_character_reference_hides_nothing() -> None:
    for pieces in every_split(b"<p>jane&#64;b.cc jane&#x40;b.cc &#60;</p>"):
        assert through("text/html", pieces, PLAIN) == b"<p>j***@b.cc j***@b.cc &#60;</p>"


def test_rows_and_masked_values_are_counted() -> None:
    inspection = Inspection(SIGHT)
    found = inspection.filter(b"application/json")
    found.feed(b'[{"email": "jane@b.cc"}, {"email": null}, {"email": "joe@b.cc"}]')
    found.finish()
    assert inspection.counts.rows == 3
    assert [(one.field, one.count) for one in inspection.counts.masked()] == [("$..email", 2)]
