"""An agent for a person: what both have shown -> what the token says."""

from datetime import timedelta

import pytest
from support.reviews import NOW

from api.issuing import delegated
from infra.identity import Method, SignedIn, TokenRefused
from schemas.vocabulary import Principal, PrincipalKind

DANA = Principal("dana", PrincipalKind.PERSON, ("dba",))
AGENT = Principal("agent-7", PrincipalKind.AGENT, ("agents",))
PERSON = SignedIn(DANA, Method.OIDC, NOW - timedelta(hours=1), NOW + timedelta(hours=2), "t", ("t", "login"))
ACTOR = SignedIn(AGENT, Method.FEDERATED, NOW, NOW + timedelta(minutes=5), "j", ("j",))


def test_it_is_the_agent_and_says_for_whom_and_ends_with_either() -> None:
    signed_in = delegated(PERSON, ACTOR)

    assert signed_in.principal == Principal("agent-7", PrincipalKind.AGENT, ("agents",), "dana", ("dba",))
    assert signed_in.method is Method.FEDERATED
    assert signed_in.until == ACTOR.until
    assert set(signed_in.sign_ins) == {"j", "t", "login"}
    assert list(signed_in.shown) == [("agent-7", ACTOR.since), ("dana", PERSON.since)]


@pytest.mark.parametrize(
    ("person", "agent"),
    [(ACTOR, ACTOR), (PERSON, PERSON), (ACTOR, PERSON), (delegated(PERSON, ACTOR), ACTOR)],
)
def test_nothing_else_is_delegation(person: SignedIn, agent: SignedIn) -> None:
    with pytest.raises(TokenRefused):
        delegated(person, agent)
    with pytest.raises(TokenRefused, match="further"):
        delegated(PERSON, delegated(PERSON, ACTOR))
