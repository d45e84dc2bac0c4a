import pytest

from ingress.postgres.catalogue_items import Function
from ingress.postgres.sql.functions import effect_of, is_untrusted_language
from schemas.vocabulary import Intent


def built_in(name: str, volatility: str = "v") -> Function:
    return Function("pg_catalog", name, True, volatility, "internal")


def test_an_immutable_built_in_is_what_its_arguments_make_it() -> None:
    assert effect_of(built_in("never_heard_of", "i")).intents == frozenset()


@pytest.mark.parametrize("volatility", ["s", "v"])
def test_a_built_in_that_is_not_listed_is_unknown(volatility: str) -> None:
    effect = effect_of(built_in("never_heard_of", volatility))
    assert (effect.intents, effect.proven, bool(effect.unproven)) == (
        frozenset({Intent.UNKNOWN}),
        False,
        True,
    )


def test_a_listed_one_is_what_the_table_says_even_if_declared_immutable() -> None:
    assert effect_of(built_in("pg_terminate_backend", "i")).intents == {Intent.ADMIN}
    assert effect_of(built_in("now", "s")).intents == frozenset()


def test_a_users_function_of_a_built_in_name_is_a_users_function() -> None:
    assert Intent.UNKNOWN in effect_of(Function("public", "now", False, "s", "sql")).intents


def test_what_other_servers_and_languages_reach_shows() -> None:
    assert Intent.NETWORK in effect_of(Function("public", "dblink_exec", False, "v", "c", "dblink")).intents
    assert Intent.EXEC in effect_of(Function("public", "f", False, "v", "plpython3u")).intents


@pytest.mark.parametrize(
    ("language", "untrusted"),
    [("sql", False), ("plpgsql", False), ("plperl", False), ("plperlu", True), ("c", True)],
)
def test_untrusted_languages(language: str, untrusted: bool) -> None:
    assert is_untrusted_language(language) == untrusted
