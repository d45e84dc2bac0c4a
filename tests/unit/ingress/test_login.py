"""A login, whatever the protocol: who is let in, and what the others are told."""

import pytest
from support.builders import AGENT, configuration
from support.identities import identities, token
from support.issuer import NOW

from infra.config import Config
from infra.identity import Method, SignedIn
from infra.identity.identities import revocations_of
from ingress.errors import LoginRefused
from ingress.login import Login
from schemas.vocabulary import Principal, PrincipalKind

HOST = "192.0.2.7"
CONFIG = Config.model_validate(configuration(listen={}, resources=[]))
ALICE = token(SignedIn(Principal("alice", PrincipalKind.PERSON), Method.OIDC, NOW), lambda: NOW)


def login() -> Login:
    return Login(CONFIG, identities(CONFIG, lambda: NOW))


async def refusal(login: Login, name: str, shown: str) -> LoginRefused:
    with pytest.raises(LoginRefused) as refused:
        await login.sign_in(name, shown, HOST)
    assert shown not in str(refused.value) + refused.value.hint
    return refused.value


async def test_a_right_token_is_let_in() -> None:
    assert (await login().sign_in("agent-7", AGENT.token, HOST)).principal.name == "agent-7"
    assert (await login().sign_in("alice", ALICE, HOST)).principal.name == "alice"


async def test_a_wrong_name_and_a_wrong_token_look_alike() -> None:
    known = login()
    one, other = await refusal(known, "agent-7", "wrong"), await refusal(known, "nobody", "wrong")
    assert str(one).replace("agent-7", "nobody") == str(other)
    assert (one.code, one.hint) == (other.code, other.hint) == ("28P01", one.hint)


async def test_who_guesses_is_told_to_wait_even_with_the_right_token() -> None:
    known = login()
    for _ in range(5):
        await refusal(known, "agent-7", "wrong")
    refused = await refusal(known, "agent-7", AGENT.token)
    assert refused.code == "28000"
    assert "wait 1 s" in str(refused)


async def test_another_ones_token_says_so() -> None:
    refused = await refusal(login(), "agent-7", ALICE)
    assert refused.code == "28P01"
    assert "not that of" in str(refused)


async def test_without_kafka_a_token_of_the_gateway_must_wait() -> None:
    known = Login(CONFIG, identities(CONFIG, lambda: NOW, revocations_of(CONFIG, lambda: NOW)))
    assert (await refusal(known, "alice", ALICE)).code == "57P03"
