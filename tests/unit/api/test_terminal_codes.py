"""A code from the web page is good for the terminal that asked, for a while."""

from datetime import timedelta

import pytest
from support.reviews import NOW

from api.sealed import Seal
from api.terminal_codes import TerminalCodes
from infra.identity import Method, SignedIn, TokenRefused
from schemas.vocabulary import Principal, PrincipalKind

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
ALICE = Principal("alice", PrincipalKind.PERSON, ("dba",))
SESSION = SignedIn(ALICE, Method.SAML, NOW, NOW + timedelta(hours=1), "session", ("session", "login"))


def test_it_is_whose_session_it_is_but_not_the_session() -> None:
    codes = TerminalCodes(Seal(b"k" * 32), lambda: NOW)
    signed_in = codes.redeem(f" {codes.give(SESSION, CHALLENGE)}\n", VERIFIER)
    assert signed_in == SignedIn(ALICE, Method.SAML, NOW, NOW + timedelta(hours=1), "", ("login",))


@pytest.mark.parametrize("verifier", ["", "another", CHALLENGE])
def test_another_terminal_gets_nothing(verifier: str) -> None:
    codes = TerminalCodes(Seal(b"k" * 32), lambda: NOW)
    with pytest.raises(TokenRefused):
        codes.redeem(codes.give(SESSION, CHALLENGE), verifier)


def test_it_is_good_for_two_minutes() -> None:
    code = TerminalCodes(Seal(b"k" * 32), lambda: NOW).give(SESSION, CHALLENGE)
    later = TerminalCodes(Seal(b"k" * 32), lambda: NOW + timedelta(minutes=2))
    with pytest.raises(TokenRefused, match="expired"):
        later.redeem(code, VERIFIER)
