"""Why a requester wants a request, at the end of the token."""

import pytest

from api.cli.kubeconfig import with_words as said
from ingress.kubernetes.reasons import with_words
from ingress.web.strict import Head


def head(*fields: tuple[bytes, bytes]) -> Head:
    return Head("GET", "/", fields)


@pytest.mark.parametrize(
    "token", ["the-token", "agent-7:the-token", "a.b.c", "x,countersign-reason=", "x,y=eA"]
)
def test_a_token_comes_out_as_it_went_in(token: str) -> None:
    bearer = b"Bearer " + said(token, "it hangs: für OPS", "OPS-12").encode()
    found, why = with_words(head((b"authorization", bearer), (b"accept", b"x")))
    assert found.fields == ((b"authorization", f"Bearer {token}".encode()), (b"accept", b"x"))
    assert why == ("it hangs: für OPS", "OPS-12")


def test_nothing_is_added_where_nothing_is_said() -> None:
    assert said("the-token", "", "") == "the-token"
    found = head((b"authorization", b"Bearer the-token"))
    assert with_words(found) == (found, ("", ""))


def test_header_fields_say_it_too() -> None:
    fields = ((b"x-countersign-reason", b"why"), (b"x-countersign-ticket", b"OPS-1"))
    assert with_words(head(*fields))[1] == ("why", "OPS-1")


def test_what_is_no_base64_is_nothing() -> None:
    assert with_words(head((b"authorization", b"Bearer x,countersign-reason=A")))[1] == ("", "")
