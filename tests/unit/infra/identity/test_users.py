"""Who asks: name and token, or a bearer token alone."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.config import Config, ConfigError, Identity, User
from infra.identity import Identities, hash_token, new_token, token_matches
from schemas.vocabulary import Principal, PrincipalKind

NOW = datetime(2026, 6, 1, tzinfo=UTC)
AGENT = Principal("agent-7", PrincipalKind.AGENT, ("agents",))
DANA = Principal("dana", PrincipalKind.PERSON, ("dba", "reviewers"))


def user(principal: Principal, token: str, expires: str | None = None) -> User:
    return User(
        name=principal.name,
        kind=principal.kind,
        groups=principal.groups,
        token_hash=hash_token(token),
        expires=expires,
    )


@pytest.fixture(scope="module")
def users() -> tuple[User, ...]:
    return user(AGENT, "agent-token"), user(DANA, "dana-token", "2026-07-01T00:00:00Z")


def identities(users: tuple[User, ...], now: datetime = NOW) -> Identities:
    return Identities(Config(identity=Identity(users=users)), lambda: now)


async def test_name_and_token(users: tuple[User, ...]) -> None:
    known = identities(users)
    for _ in range(2):  # the second time the token is known already
        assert await known.authenticate("agent-7", "agent-token") == AGENT
        assert await known.authenticate("dana", "dana-token") == DANA


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("agent-7", "dana-token"),
        ("agent-7", ""),
        ("agent-7", "agent-token "),
        ("nobody", "agent-token"),
        ("nobody", "nobody has this token"),
        ("", ""),
    ],
)
async def test_anything_else_is_nobody(users: tuple[User, ...], name: str, token: str) -> None:
    known = identities(users)
    assert await known.authenticate(name, token) is None
    await known.authenticate("agent-7", "agent-token")
    assert await known.authenticate(name, token) is None


async def test_a_token_alone_or_with_its_name(users: tuple[User, ...]) -> None:
    known = identities(users)
    for _ in range(2):
        assert await known.authenticate_token("dana-token") == DANA
        assert await known.authenticate_token("dana:dana-token") == DANA
        assert await known.authenticate_token("agent-token") == AGENT
    for wrong in ("", "wrong", "agent-7:dana-token", "nobody:dana-token", ":dana-token"):
        assert await known.authenticate_token(wrong) is None


async def test_a_token_expires_even_when_it_is_known(users: tuple[User, ...]) -> None:
    clock = [NOW]
    known = Identities(Config(identity=Identity(users=users)), lambda: clock[0])
    assert await known.authenticate("dana", "dana-token") == DANA
    clock[0] = NOW + timedelta(days=31)
    assert await known.authenticate("dana", "dana-token") is None
    assert await known.authenticate_token("dana-token") is None
    assert await known.authenticate("agent-7", "agent-token") == AGENT


def test_a_hash_is_salted_and_holds_no_token() -> None:
    token = new_token()
    assert len(token) >= 43
    one, other = hash_token(token), hash_token(token)
    assert one != other
    assert token not in one
    assert token_matches(token, one)
    assert token_matches(token, other)
    assert not token_matches(new_token(), one)


@pytest.mark.parametrize("wrong", ["", "plain", "bcrypt:1:2:3:AA==:AA==", "scrypt:x:8:1:AA==:AA=="])
def test_what_is_no_hash_is_refused_at_the_start(wrong: str) -> None:
    broken = User(name="dana", kind=PrincipalKind.PERSON, token_hash=wrong)
    with pytest.raises(ConfigError, match="dana: token_hash is not what `countersign hash-token` prints"):
        identities((broken,))


@pytest.mark.parametrize(
    ("expires", "words"), [("tomorrow", "a date and time"), ("2026-07-01T00:00:00", "a time zone")]
)
def test_an_expiry_must_be_a_moment(expires: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        identities((user(DANA, "t", expires),))
