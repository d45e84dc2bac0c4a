import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.masking.keyed import make_masks
from processors.masking.masks import MASKS
from processors.masking.tokens import Tokens, mask_of
from schemas.vocabulary import SensitiveColumn

KEY, OTHER = b"k" * 32, b"o" * 32
CARD, SSN = "public.customers.card", "*.*.ssn"
COLUMNS = (
    SensitiveColumn(CARD, "tokenise"),
    SensitiveColumn(SSN, "tokenise"),
    SensitiveColumn("a.b.c", "full"),
)
TOKENS = Tokens(KEY, "orders", COLUMNS)


def made(value: bytes, tokens: Tokens = TOKENS, pattern: str = CARD) -> str:
    found = mask_of({**MASKS, **tokens.masks()}, "tokenise", pattern)(value)
    assert found is not None
    return found.decode()


@given(st.binary(), st.binary())
def test_it_stands_for_its_value_and_no_other(one: bytes, other: bytes) -> None:
    token = made(one)
    assert TOKENS.made_for(token) == CARD
    assert TOKENS.value(token, CARD) == one
    assert (made(other) == token) is (one == other)


def test_it_stands_for_nothing_in_other_columns_on_other_resources_and_for_other_gateways() -> None:
    token = made(b"4111111111111111")
    assert token not in (
        made(b"4111111111111111", pattern=SSN),
        make_masks(KEY)["tokenise"](b"4111111111111111"),
    )
    assert Tokens(KEY, "shop", COLUMNS).made_for(token) == ""
    assert Tokens(OTHER, "orders", COLUMNS).made_for(token) == ""
    assert Tokens(KEY, "orders", COLUMNS[1:]).made_for(token) == ""
    with pytest.raises(ValueError, match="no token of these columns"):
        TOKENS.value(token, SSN)


TOKEN = made(b"4111111111111111")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tok_",
        "tok_AAAA",
        "tok_!!!",
        "tok_ü",
        "4111111111111111",
        TOKEN.removeprefix("tok_"),
        TOKEN + "=",
        TOKEN + " ",
        " " + TOKEN,
        TOKEN[:-1],
        TOKEN[:9] + "\n" + TOKEN[9:],
        TOKEN.upper(),
        "tok_" + TOKEN,
    ],
)
def test_what_is_no_token(text: str) -> None:
    assert TOKENS.made_for(text) == ""


@given(st.integers(min_value=4, max_value=len(TOKEN) - 1), st.sampled_from("AZaz09-_"))
def test_a_damaged_one_is_none(place: int, character: str) -> None:
    damaged = TOKEN[:place] + character + TOKEN[place + 1 :]
    assert TOKENS.made_for(damaged) == (CARD if damaged == TOKEN else "")


def test_without_a_column_the_mask_is_that_of_its_name() -> None:
    masks = {**make_masks(KEY), **TOKENS.masks()}
    assert mask_of(masks, "tokenise", "a.b.c") is masks["tokenise"]
    assert mask_of(masks, "full", CARD) is masks["full"]
