"""Which lines of pg_hba.conf let others in than the gateway, and what an answer to a stranger means."""

import pytest

from infra.config import PostgresResource
from infra.findings import State
from ingress.postgres.doors import (
    HbaRule,
    Observed,
    Role,
    check_as_client,
    check_roles,
    check_rules,
    check_tls,
    networks_of,
)

GATEWAY = "10.0.3.5"


def resource(**more: str) -> PostgresResource:
    document = {
        "name": "orders",
        "protocol": "postgres",
        "address": "db:5432",
        "credentials": {"user": "app"},
        **more,
    }
    return PostgresResource.model_validate(document)


def rule(line: int, text: str) -> HbaRule:
    """As pg_hba_file_rules shows a line of the file."""
    kind, database, user, address, method = text.split()
    found = networks_of(address, "") if address != "-" else ()
    return HbaRule(line, kind, (database, user) == ("all", "all"), address, found, method)


@pytest.mark.parametrize(
    ("lines", "open_lines"),
    [
        (["host all all 10.0.3.5 scram-sha-256"], []),
        (["host all all 10.0.3.6 scram-sha-256"], [1]),
        (["hostssl all all 10.0.3.0/24 scram-sha-256"], [1]),
        (["host all app all md5"], [1]),
        (["host all all samenet trust"], [1]),
        (["host all all db.example.com scram-sha-256"], [1]),
        (["host all all 127.0.0.0/8 trust", "host all all ::1 trust", "host all all samehost md5"], []),
        (["local all all - peer", "local all postgres - trust"], []),
        (["local all all - trust"], [1]),
        # The first line that fits a connection counts.
        (["host all all 10.0.0.0/8 reject", "host all all 10.1.0.0/16 md5", "host all all ::2 md5"], [3]),
        (["host all all all reject", "host all all ::/0 md5", "host all all 0.0.0.0/0 md5"], []),
        (["host all all 10.0.3.5 md5", "host all all all reject"], []),
        # What is rejected for some is not closed for all.
        (["host orders all all reject", "host all all all md5"], [2]),
        (["hostnossl all all all reject", "hostssl all all all md5"], [2]),
        (["host all all 10.1.0.0/16 reject", "host all all 10.0.0.0/8 md5"], [2]),
    ],
)  # fmt: skip
def test_lines_that_let_others_in(lines: list[str], open_lines: list[int]) -> None:
    rules = tuple(rule(number, line) for number, line in enumerate(lines, start=1))
    findings = list(check_rules(Observed(resource(), gateway_address=GATEWAY, rules=rules)))
    wrong = [finding.said for finding in findings if finding.state is State.WRONG]
    assert [int(said.split()[1]) for said in wrong] == open_lines
    assert [finding.state for finding in findings if not wrong] == ([] if wrong else [State.OK])


OWN, ACTED = ("maker", True, False, True, False), ("app", False, False, False, True)


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ([OWN, ACTED], []),
        ([("maker", True, True, True, True), ACTED], ["maker is a superuser"]),
        ([("maker", True, False, False, False), ACTED], ["maker may not make roles"]),
        ([OWN, ("app", False, True, False, True)], ["app is a superuser"]),
        ([OWN, ("app", False, False, True, True)], ["sessions act as app, which can make roles"]),
        ([OWN, ("app", False, False, False, False)], ["the gateway may not let sessions act as app"]),
        ([OWN], ["there is no role app, which sessions are to act as"]),
    ],
)
def test_what_its_accounts_may_do(roles: list[tuple[str, bool, bool, bool, bool]], said: list[str]) -> None:
    made = PostgresResource.model_validate(
        {
            "name": "orders",
            "protocol": "postgres",
            "address": "db:5432",
            "credentials": {"ephemeral": {"user": "maker", "role": "app"}},
        }
    )
    found = list(check_roles(Observed(made, roles=tuple(Role(*role) for role in roles))))
    assert [finding.said for finding in found if finding.state is State.WRONG] == said
    assert bool(said) != (found[0].state is State.OK)


def test_an_account_of_the_configuration_is_no_superuser() -> None:
    for is_superuser, state in ((False, State.OK), (True, State.WRONG)):
        own = Role("app", True, is_superuser, False, False)
        (found,) = check_roles(Observed(resource(), roles=(own,)))
        assert found.state is state


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("the target cannot be reached: db:5432: refused", State.OK),
        ("the target does not answer: db:5432: timed out", State.OK),
        (
            'the target did not let the gateway in: 28000: no pg_hba.conf entry for host "10.0.0.1"',
            State.OK,
        ),
        ("the target did not let the gateway in: 28000: kein pg_hba.conf-Eintrag", State.OK),
        ("the target did not let the gateway in: 28P01: password authentication failed", State.WRONG),
        ('the target did not let the gateway in: 28000: role "x" does not exist', State.WRONG),
        ("the target asks to be signed in to in a way that is not spoken here: 7", State.WRONG),
        ("it let a stranger in", State.WRONG),
        ("TLS with the target failed: …", State.UNKNOWN),
    ],
)
def test_what_a_stranger_is_told(said: str, state: State) -> None:
    assert check_as_client("orders", said).state is state


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ({}, State.OK),
        ({"tls": "require"}, State.WRONG),
        ({"tls": "disable"}, State.WRONG),
        ({"tls": "disable", "address": "127.0.0.1:5432"}, State.OK),
    ],
)
def test_the_way_to_the_target(more: dict[str, str], state: State) -> None:
    assert check_tls(resource(**more)).state is state
