"""An issuer's keys over the network: kept, renewed, and never taken from somebody else."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from support.identities import network
from support.issuer import ISSUER, KEY, NEWER, NOW, jwks, metadata, signed

from infra.identity.jwt import Expected, UnknownKey
from infra.identity.provider import Provider
from infra.identity.signed_in import IdentityUnavailable

EXPECTED = Expected(ISSUER, "countersign")
KEYS = f"{ISSUER}/keys"


class World:
    """A network that a test changes, and its clock."""

    def __init__(self) -> None:
        self.now = NOW
        self.asked: list[str] = []
        self.documents: dict[str, Any] = {**metadata(), KEYS: jwks(KEY)}
        self.provider = Provider(ISSUER, None, self.clock, network(self.documents, self.asked))

    def clock(self) -> datetime:
        return self.now

    def token(self, key: Any = KEY) -> str:
        second = int(self.now.timestamp())
        return signed(key, iat=second, exp=second + 60)


@pytest.fixture
def world() -> World:
    return World()


async def test_keys_are_asked_for_once(world: World) -> None:
    for _ in range(3):
        assert (await world.provider.verify(world.token(), EXPECTED))["sub"] == "42"
    assert world.asked.count(KEYS) == 1


async def test_a_new_key_is_found_and_invented_ones_ask_seldom(world: World) -> None:
    await world.provider.verify(world.token(), EXPECTED)
    world.documents[KEYS] = jwks(KEY, NEWER)
    with pytest.raises(UnknownKey):
        await world.provider.verify(world.token(NEWER), EXPECTED)
    world.now += timedelta(seconds=5)

    await world.provider.verify(world.token(NEWER), EXPECTED)

    assert world.asked.count(KEYS) == 2
    for number in range(20):
        with pytest.raises(UnknownKey):
            await world.provider.verify(signed(header={"kid": f"invented-{number}"}), EXPECTED)
    assert world.asked.count(KEYS) == 2


async def test_a_withdrawn_key_is_believed_for_ten_minutes_at_most(world: World) -> None:
    await world.provider.verify(world.token(), EXPECTED)
    world.documents[KEYS] = jwks(NEWER)
    world.now += timedelta(minutes=10)
    with pytest.raises(UnknownKey):
        await world.provider.verify(world.token(), EXPECTED)


@pytest.mark.parametrize("said", ["https://evil.example.com", f"{ISSUER}/", None])
async def test_the_metadata_must_be_the_issuers_own(world: World, said: Any) -> None:
    world.documents[f"{ISSUER}/.well-known/openid-configuration"]["issuer"] = said
    with pytest.raises(IdentityUnavailable, match="not the metadata"):
        await world.provider.verify(world.token(), EXPECTED)


@pytest.mark.parametrize("url", ["http://idp.example.com/keys", "file:///etc/passwd", "", None, 7])
async def test_keys_come_over_tls(world: World, url: Any) -> None:
    world.documents[f"{ISSUER}/.well-known/openid-configuration"]["jwks_uri"] = url
    with pytest.raises(IdentityUnavailable, match="jwks_uri"):
        await world.provider.verify(world.token(), EXPECTED)


async def test_what_is_no_set_of_keys_lets_nobody_in(world: World) -> None:
    world.documents[KEYS] = {"keys": "none"}
    with pytest.raises(IdentityUnavailable, match="JWK set"):
        await world.provider.verify(world.token(), EXPECTED)
