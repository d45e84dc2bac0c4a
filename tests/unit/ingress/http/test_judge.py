from dataclasses import replace
from typing import Any

from ingress.command import Command
from ingress.http.facts import Known
from ingress.http.judge import Subject, make_call_command
from ingress.http.openapi import Description
from ingress.web.call import Call
from ingress.web.paths import parse_target
from ingress.web.selectors import Selectors
from schemas.vocabulary import SensitiveColumn

SUBJECT = Subject(
    "agent-7",
    "shop",
    ("email", "card_number"),
    Known(Selectors([SensitiveColumn("$.customer.email", "email")])),
)
JSON = (b"content-type", b"application/json")


def command(
    target: str = "/a", body: bytes | None = None, *fields: tuple[bytes, bytes], **more: Any
) -> Command:
    call = Call("POST", parse_target(target), (JSON, *fields), body, **more)
    return make_call_command(call, SUBJECT, lambda: "id")


def test_the_digest_covers_every_part() -> None:
    one = command("/a?b=c", b'{"d": 1}', (b"x-tenant", b"e"))
    others = [
        command("/A?b=c", b'{"d": 1}', (b"x-tenant", b"e")),
        command("/a?b=C", b'{"d": 1}', (b"x-tenant", b"e")),
        command("/a?b=c", b'{"d":1}', (b"x-tenant", b"e")),
        command("/a?b=c", b'{"d": 1}', (b"x-tenant", b"E")),
        command("/a?b=c", b'{"d": 1}', (b"x-tenants", b"e")),
        command("/a?b=c", b'{"d": 1}'),
        command("/a?b=c", b'{"d": 1}', (b"x-tenant", b"e"), (b"accept", b"text/csv")),
        command("/a?b=c", b'{"d": 1}', (b"x-tenant", b"e"), is_whole=False),
    ]
    assert one.digest not in {other.digest for other in others}
    assert one.digest == command("/a?b=c", b'{"d": 1}', (b"x-tenant", b"e")).digest


def test_what_is_sensitive_is_sealed() -> None:
    found = command(
        "/customers/jane@example.com/x?email=jane@example.com&note=jane%40example.com&api_key=abc",
        b'{"customer": {"email": "jane@example.com"}, "password": "hunter2", "note": "4111111111111111"}',
        (b"x-api-key", b"abcdef"),
        (b"x-note", b"jane@example.com"),
    )
    shown = repr((found.text, found.parameters, found.facts))
    for raw in ("jane@", "jane%40", "hunter2", "4111111111111111", "abcdef", "=abc"):
        assert raw not in shown
    assert found.original is not None
    assert "hunter2" in repr(found.original)
    assert found.facts.paths == ("/customers/j***@example.com/x",)


def test_a_dot_in_a_name_does_not_hide_what_is_sensitive() -> None:
    found = command("/a", b'{"customer": {"x.email": "jane", "api.key": "abcdef"}, "password.old": {"a": 7}}')
    assert found.parameters[-1] == (
        '{"customer": {"x.email": "jane", "api.key": "‹sealed›"}, "password.old": "‹sealed›"}'
    )


def test_a_body_that_cannot_be_read_is_not_shown() -> None:
    assert command("/a", b'{"password": "x').parameters[-1] == "‹sealed›"


def test_what_has_nothing_sensitive_is_shown_as_it_is() -> None:
    found = command("/a?b=%2F", b'{"c":  1}')
    assert (found.text, found.parameters[-1], found.original) == ("POST /a?b=%2F", '{"c":  1}', None)


class TestPattern:
    """What may be granted along with a request: other values in the same places."""

    BODY = b'{"amount": 10}'

    def test_values_of_query_body_and_a_described_path_vary(self) -> None:
        description = Description({"paths": {"/refunds/{id}": {"post": {"operationId": "refund"}}}})
        subject = replace(SUBJECT, known=Known(description=description))

        def of(target: str, body: bytes) -> Command:
            call = Call("POST", parse_target(target), (JSON, (b"idempotency-key", body)), body)
            return make_call_command(call, subject, lambda: "id")

        first, second = of("/refunds/7?dry=1", self.BODY), of("/refunds/8?dry=0", b'{"amount": 99999}')
        assert first.pattern == "POST /refunds/{id}?dry=‹value› with $.amount"
        assert first.fingerprint == second.fingerprint
        assert first.digest != second.digest

    def test_another_request_has_another(self) -> None:
        first = command("/refunds/7", self.BODY)
        assert first.pattern == "POST /refunds/7 with $.amount"
        for other in (
            command("/refunds/8", self.BODY),
            command("/refunds/7", b'{"amount": 10, "to": "x"}'),
            command("/refunds/7?to=x", self.BODY),
            command("/refunds/7", self.BODY, (b"x-tenant", b"other")),
            command("/refunds/7?_method=DELETE", self.BODY),
        ):
            assert other.fingerprint != first.fingerprint

    def test_what_is_not_proven_or_not_shown_has_none(self) -> None:
        assert command("/refunds/7", b"{no json").pattern == ""
        assert command("/customers/jane@example.com", self.BODY).pattern == ""
        graphql = replace(SUBJECT, known=Known(graphql="/graphql"))
        call = Call("POST", parse_target("/graphql"), (JSON,), b'{"query": "{ orders { id } }"}')
        assert make_call_command(call, graphql, lambda: "id").pattern == ""
