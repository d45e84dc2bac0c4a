import pytest
from support.chunking import every_split

from ingress.web.client_side import ClientSide
from ingress.web.strict import LONGEST, BadRequest

TWO = (
    b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n"
    b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
)


@pytest.mark.parametrize("status", [200, 404])
def test_requests_one_after_the_other_wherever_they_are_cut(status: int) -> None:
    for pieces in every_split(TWO):
        side, found = ClientSide(), []
        pending = list(pieces)
        while (head := side.head()) is not None or pending:
            if head is None:
                side.receive(pending.pop(0))
                continue
            body = b""
            while not isinstance(piece := side.body(), list):
                if piece is None:
                    side.receive(pending.pop(0))
                else:
                    body += bytes(piece)  # type: ignore[arg-type]
            found.append((head.target, body, piece))
            side.answer(status, [(b"content-length", b"0")])
            side.end()
            assert side.next_request()
        assert found == [("/a", b"abc", [(b"x-sum", b"7")]), ("/b", b"", [])]


def test_what_follows_a_request_is_read_as_strictly() -> None:
    side = ClientSide()
    side.receive(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nX: y\nZ: z\r\n\r\n")
    assert side.head() is not None
    assert side.body() == []
    side.answer(200, [(b"content-length", b"0")])
    side.end()
    assert side.next_request()
    with pytest.raises(BadRequest):
        side.head()


def test_an_answer_to_head_has_no_body() -> None:
    side = ClientSide()
    side.receive(b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n")
    assert side.head() is not None
    assert side.body() == []
    assert side.answer(403, [(b"content-length", b"7")]).endswith(b"content-length: 7\r\n\r\n")
    assert side.data(b"refused") + side.end() == b""
    assert side.next_request()
    side.receive(b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n")
    assert side.head() is not None
    side.answer(200, [(b"content-length", b"2")])
    assert side.data(b"ok") == b"ok"


def test_a_head_has_an_end() -> None:
    side = ClientSide()
    side.receive(b"GET / HTTP/1.1\r\nX: " + b"y" * LONGEST)
    with pytest.raises(BadRequest) as caught:
        side.head()
    assert caught.value.status == 431


def test_a_body_that_nobody_read_ends_the_connection() -> None:
    side = ClientSide()
    side.receive(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
    side.head()
    side.answer(403, [(b"content-length", b"0")])
    side.end()
    assert not side.next_request()


def test_one_answer_to_what_cannot_be_read() -> None:
    side = ClientSide()
    side.receive(b"nonsense\r\n\r\n")
    with pytest.raises(BadRequest):
        side.head()
    side.give_up()
    assert side.answer(400, [(b"content-length", b"0")]).startswith(b"HTTP/1.1 400 ")
    side.end()
    assert not side.next_request()
