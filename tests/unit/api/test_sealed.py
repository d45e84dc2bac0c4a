"""What clients carry for the gateway."""

from datetime import timedelta

import pytest
from support.reviews import NOW

from api.sealed import NotSealed, Seal

SEAL = Seal(b"k" * 32)
UNTIL = NOW + timedelta(minutes=10)
CONTENT = {"state": "s", "next": "/"}


def test_what_was_sealed_is_opened_for_its_purpose_and_in_time() -> None:
    sealed = SEAL.seal("sign-in", CONTENT, UNTIL)

    assert SEAL.open("sign-in", sealed, UNTIL - timedelta(seconds=1)) == CONTENT
    assert "state" not in sealed
    assert SEAL.seal("sign-in", CONTENT, UNTIL) != sealed
    with pytest.raises(NotSealed, match="expired"):
        SEAL.open("sign-in", sealed, UNTIL)
    with pytest.raises(NotSealed, match="not a refresh token"):
        SEAL.open("refresh token", sealed, NOW)
    with pytest.raises(NotSealed):
        Seal(b"o" * 32).open("sign-in", sealed, NOW)


def test_anything_else_is_not_sealed() -> None:
    sealed = SEAL.seal("sign-in", CONTENT, UNTIL)
    for position in range(0, len(sealed) - 4, 3):
        changed = sealed[:position] + ("A" if sealed[position] != "A" else "B") + sealed[position + 1 :]
        with pytest.raises(NotSealed):
            SEAL.open("sign-in", changed, NOW)
    for text in ("", "x", "ö", sealed[:20], "A" * 64):
        with pytest.raises(NotSealed):
            SEAL.open("sign-in", text, NOW)
