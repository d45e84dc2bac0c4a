"""The names and the verifiers of roles that are made for a session."""

import pytest
import scramp

from infra.credentials import Asker
from ingress.postgres.accounts import application_name
from ingress.postgres.roles import role_name, scram_verifier
from schemas.vocabulary import Principal, PrincipalKind

SESSION = "0198f3c2-0000-7000-8000-0f3a1b2c4d5e"


def asker(name: str) -> Asker:
    return Asker(Principal(name, PrincipalKind.AGENT, ()), SESSION)


@pytest.mark.parametrize(
    ("principal", "name"),
    [
        ("agent-7", "cs_agent-7_0f3a1b2c4d5e"),
        ("dana@example.com", "cs_dana@example.com_0f3a1b2c4d5e"),
        ("jürgen", "cs_j-rgen_0f3a1b2c4d5e"),
        ('x"; drop role app; --', "cs_x---drop-role-app----_0f3a1b2c4d5e"),
        ("a" * 99, "cs_" + "a" * 47 + "_0f3a1b2c4d5e"),
    ],
)
def test_a_role_is_named_after_who_asks(principal: str, name: str) -> None:
    assert role_name(asker(principal)) == name
    assert len(name.encode()) <= 63


def test_a_verifier_is_what_scram_checks_a_password_by() -> None:
    verifier = scram_verifier("open sesame", b"0123456789abcdef")
    mechanism, rest = verifier.split("$", 1)
    (iterations, salt), (stored, server) = (part.split(":") for part in rest.split("$"))
    _, of_stored, of_server, of_iterations = scramp.ScramMechanism("SCRAM-SHA-256").make_auth_info(
        "open sesame", salt=b"0123456789abcdef", iteration_count=4096
    )
    assert mechanism == "SCRAM-SHA-256"
    assert int(iterations) == of_iterations
    assert [scramp.utils.b64dec(text) for text in (salt, stored, server)] == [
        b"0123456789abcdef",
        of_stored,
        of_server,
    ]


@pytest.mark.parametrize(
    ("principal", "client", "shown"),
    [
        ("agent-7", "psql", f"agent-7/{SESSION} psql"),
        ("agent-7", "", f"agent-7/{SESSION}"),
        ("a" * 99, "psql", f"{'a' * 26}/{SESSION} psql"),
    ],
)
def test_the_target_sees_who_and_which_session(principal: str, client: str, shown: str) -> None:
    assert application_name(asker(principal), {"application_name": client}) == shown
    assert len(shown.split(" ")[0].encode()) <= 63
