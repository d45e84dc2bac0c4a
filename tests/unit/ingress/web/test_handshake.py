import pytest

from ingress.web.handshake import is_asked, offered, why_not, without_handshake
from ingress.web.strict import Head, parse_head

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, section 1.3


def head(
    *lines: str, method: str = "GET", version: str = "13", key: str = KEY, upgrade: str = "websocket"
) -> Head:
    asked = [
        f"{method} /ws HTTP/1.1",
        "Host: gw",
        f"Upgrade: {upgrade}",
        "Connection: keep-alive, Upgrade",
        f"Sec-WebSocket-Version: {version}",
        f"Sec-WebSocket-Key: {key}",
        *lines,
    ]
    return parse_head("\r\n".join([*asked, "", ""]).encode())


def test_the_handshake_of_the_rfc() -> None:
    assert is_asked(head())
    assert is_asked(head(upgrade="WebSocket"))
    assert why_not(head()) is None


@pytest.mark.parametrize(
    "asked",
    [
        head(method="POST"),
        head(version="8"),
        head(key=""),
        head(key="dGhl"),
        head(key="the sample nonce"),
        head("Content-Length: 5"),
        head("Transfer-Encoding: chunked"),
    ],
)
def test_what_is_none(asked: Head) -> None:
    assert why_not(asked)


@pytest.mark.parametrize("upgrade", ["h2c", "spdy/3.1", "websocket, h2c"])
def test_other_protocols(upgrade: str) -> None:
    assert not is_asked(head(upgrade=upgrade))


def test_what_the_client_offers_is_its_own_handshake() -> None:
    asked = head("Sec-WebSocket-Protocol: one, two", "Sec-WebSocket-Protocol: three", "X-Mine: 7")
    assert offered(asked) == ("one", "two", "three")
    assert [name for name, _ in without_handshake(asked.fields) if name.startswith(b"sec-")] == []
    assert (b"x-mine", b"7") in without_handshake(asked.fields)
