import pytest

from ingress.web.fields import forwarded, is_secret
from ingress.web.strict import parse_head


def test_what_goes_to_the_target() -> None:
    head = parse_head(
        b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nX-Countersign-Reason: why\r\n"
        b"Cookie: a=b\r\n"
        b"X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nX-Remote-User: root\r\nRange: bytes=0-1\r\n"
        b"Connection: close, X-Mine\r\nX-Mine: 1\r\nTE: trailers\r\nAccept: a/b\r\nX-Tenant: c\r\n\r\n"
    )
    kept = ((b"accept", b"a/b"), (b"x-tenant", b"c"))
    assert forwarded(head, with_authorization=False) == kept
    assert forwarded(head, with_authorization=True) == ((b"authorization", b"Bearer t"), *kept)


@pytest.mark.parametrize(
    "name", [b"authorization", b"x-api-key", b"apikey", b"x-auth-token", b"x-amz-signature", b"key"]
)
def test_fields_that_hold_secrets(name: bytes) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", [b"content-type", b"x-tenant", b"keyword", b"if-match"])
def test_fields_that_do_not(name: bytes) -> None:
    assert not is_secret(name)
