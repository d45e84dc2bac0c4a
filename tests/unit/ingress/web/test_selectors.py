import pytest

from ingress.web.selectors import Selectors
from schemas.vocabulary import SensitiveColumn


@pytest.mark.parametrize(
    ("selector", "path", "is_sensitive"),
    [
        ("$.email", "email", True),
        ("$.email", "customer email", False),
        ("$.customer.email", "customer email", True),
        ("$.customers[*].email", "customers email", True),
        ("$..email", "email", True),
        ("$..email", "a b c email", True),
        ("$..email", "a email c", False),
        ("$.*.email", "a email", True),
        ("$.*.email", "a b email", False),
        ("$.a..b.c", "a x y b c", True),
        ("$['a b'].c", "a_b c", False),
        ("$.a.*", "a b", True),
    ],
)
def test_what_a_selector_finds(selector: str, path: str, is_sensitive: bool) -> None:
    selectors = Selectors([SensitiveColumn(selector, "full")])
    assert (selectors.match(tuple(path.split())) is not None) == is_sensitive


def test_a_name_with_a_separator_in_it_is_one_name() -> None:
    selectors = Selectors([SensitiveColumn("$.a.b", "full")])
    assert selectors.match(("a\0b",)) is None


@pytest.mark.parametrize(
    "text", ["email", "EMAIL", "-email", "x:email", "email__contains", "customer.email", "[email]"]
)
def test_a_text_that_mentions_a_field(text: str) -> None:
    assert Selectors([SensitiveColumn("$.customer.email", "email")]).names_one(text) == "$.customer.email"


@pytest.mark.parametrize("text", ["mail", "emails", "id", ""])
def test_a_text_that_does_not(text: str) -> None:
    assert Selectors([SensitiveColumn("$.customer.email", "email")]).names_one(text) is None
