"""Which wishes of a client's start-up packet are granted."""

import pytest

from ingress.errors import LoginRefused
from ingress.postgres.messages import Startup
from ingress.postgres.startup import read_wish


def test_the_database_names_the_resource_and_perhaps_another_database_of_it() -> None:
    wish = read_wish(Startup(0, {"user": "agent-7", "database": "orders/archive"}))
    assert (wish.user, wish.resource, wish.database) == ("agent-7", "orders", "archive")


def test_options_are_read_as_the_servers_command_line_reads_them() -> None:
    wish = read_wish(
        Startup(0, {"user": "a", "options": "-c statement_timeout=5s --search_path=app -clock_timeout=1s"})
    )
    assert wish.settings == {"statement_timeout": "5s", "search_path": "app", "lock_timeout": "1s"}


@pytest.mark.parametrize(
    ("user", "replication", "expected"),
    [
        ("a", "false", ("a", "db", "")),
        ("a", "database", ("a", "db", "database")),
        ("a", "true", ("a", "db", "true")),
        ("a:orders", "true", ("a", "orders", "true")),
        ("a:orders", "database", ("a:orders", "db", "database")),
        ("a:orders", "off", ("a:orders", "db", "")),
    ],
)
def test_replication_names_its_resource_as_its_tools_can(
    user: str, replication: str, expected: tuple[str, str, str]
) -> None:
    wish = read_wish(Startup(0, {"user": user, "database": "db", "replication": replication}))
    assert (wish.user, wish.resource, wish.replication) == expected


@pytest.mark.parametrize(
    "parameters",
    [
        {"user": "a", "replication": "perhaps"},
        {"user": "a", "options": "-c session_preload_libraries=evil"},
        {"user": "a", "options": "-c role=admin"},
        {"user": "a", "session_replication_role": "replica"},
        {"user": "a", "options": "-E"},
        {"user": "a", "client_encoding": "SJIS"},
        {"user": "a", "options": "-c client_encoding=gbk"},
        {"database": "orders"},
    ],
)
def test_what_could_change_more_than_looks_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(LoginRefused):
        read_wish(Startup(0, parameters))


@pytest.mark.parametrize("encoding", ["UTF8", "utf-8", "'utf-8'", "unicode"])
def test_utf8_has_several_names(encoding: str) -> None:
    assert read_wish(Startup(0, {"user": "a", "client_encoding": encoding})).settings


def test_a_newer_minor_version_is_negotiated_down() -> None:
    wish = read_wish(Startup(9999, {"user": "a", "_pq_.report": "1"}))
    assert (wish.minor, wish.negotiate) == (2, True)
    assert wish.unknown_options == ("_pq_.report",)


def test_an_option_nobody_speaks_is_told_whatever_the_version() -> None:
    wish = read_wish(Startup(0, {"user": "a", "_pq_.report": "1"}))
    assert (wish.minor, wish.negotiate) == (0, True)


@pytest.mark.parametrize("minor", [0, 1, 2])
def test_what_is_spoken_is_not_negotiated(minor: int) -> None:
    wish = read_wish(Startup(minor, {"user": "a"}))
    assert (wish.minor, wish.negotiate) == (minor, False)


def test_a_backslash_in_options_keeps_a_space_and_a_quote_is_a_character() -> None:
    wish = read_wish(Startup(0, {"user": "a", "options": r"-c search_path=a,\ b -c application_name='x"}))
    assert wish.settings == {"search_path": "a, b", "application_name": "'x"}
