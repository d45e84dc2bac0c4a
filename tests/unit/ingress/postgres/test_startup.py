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
    "parameters",
    [
        {"user": "a", "replication": "database"},
        {"user": "a", "options": "-c session_preload_libraries=evil"},
        {"user": "a", "options": "-c role=admin"},
        {"user": "a", "session_replication_role": "replica"},
        {"user": "a", "options": "-E"},
        {"user": "a", "client_encoding": "SJIS"},
        {"user": "a", "options": "-c client_encoding=latin1"},
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
    wish = read_wish(Startup(2, {"user": "a", "_pq_.report": "1"}))
    assert wish.negotiate
    assert wish.unknown_options == ("_pq_.report",)
