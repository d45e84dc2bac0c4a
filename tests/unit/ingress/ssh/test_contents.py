"""A masked file is the same whatever pieces it is read in."""

import pytest

from ingress.ssh.contents import Contents, Digest, Withheld
from ingress.terminal.guard import Blocked

TEXT = b"x" * 100 + b" 4111111111111111 " + b"y" * 9000 + b" jane.doe@example.com\n"


def contents(data: bytes) -> Contents:
    async def fetch(offset: int, size: int) -> bytes:
        return data[offset : offset + size]

    return Contents(fetch, ("card_number", "email"))


@pytest.mark.parametrize("size", [1, 7, 16, 1000, 32768])
async def test_pieces_make_the_whole(size: int) -> None:
    read = contents(TEXT)
    shown = b"".join([await read.read(offset, size) for offset in range(0, len(TEXT), size)])
    assert shown == TEXT.replace(b"4111111111111111", b"************1111").replace(b"jane.doe", b"j*******")


@pytest.mark.parametrize("most", [100, 5000])
async def test_a_host_that_answers_with_less_shows_no_more(most: int) -> None:
    async def fetch(offset: int, size: int) -> bytes:
        return TEXT[offset : offset + min(size, most)]

    read = Contents(fetch, ("card_number", "email"))
    assert await read.read(0, 110) == TEXT[:101] + b"*********"


async def test_what_is_no_text_is_withheld_where_a_mask_would_damage_it() -> None:
    with pytest.raises(Withheld):
        await contents(b"\0 4111111111111111 ").read(0, 100)
    assert await contents(b"\0 4111 ").read(0, 100) == b"\0 4111 "


def test_a_digest_is_of_what_went_through_in_order() -> None:
    digest = Digest()
    digest.add(0, b"a")
    digest.add(1, b"b")
    assert digest.sha256 == "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"
    digest.add(9, b"c")
    assert digest.sha256 == ""
    assert digest.bytes == 3


@pytest.mark.parametrize("size", [1, 7, 50])
async def test_what_is_blocked_ends_the_read_in_which_it_would_leave(size: int) -> None:
    async def fetch(offset: int, size: int) -> bytes:
        return TEXT[offset : offset + size]

    read = Contents(fetch, ("email",), ("card_number",))
    for offset in range(0, 200, size):
        if offset < 117 and offset + size > 101:
            with pytest.raises(Blocked, match="1 card_number"):
                await read.read(offset, size)
        else:
            assert await read.read(offset, size) == TEXT[offset : offset + size]
    assert await Contents(fetch, (), ("iban",)).read(0, 120) == TEXT[:120]
