"""The users of the configuration: name and token, or a token alone."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.clock import Clock
from infra.config import ConfigError, User
from infra.identity.signed_in import Method, SignedIn, TooManyGuesses, WrongToken
from infra.identity.users import Users, hash_token, new_token, token_matches
from schemas.vocabulary import Principal, PrincipalKind

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HERE = "127.0.0.1"
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


def known(users: tuple[User, ...], clock: Clock = lambda: NOW) -> Users:
    return Users(users, clock)


async def test_name_and_token(users: tuple[User, ...]) -> None:
    found = known(users)
    for _ in range(2):  # the second time the token is known already
        assert (await found.authenticate("agent-7", "agent-token", HERE)).principal == AGENT
        signed_in = await found.authenticate("dana", "dana-token", HERE)
        assert signed_in == SignedIn(DANA, Method.TOKEN, NOW, datetime(2026, 7, 1, tzinfo=UTC))


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
    found = known(users)
    for _ in range(2):
        with pytest.raises(WrongToken):
            await found.authenticate(name, token, HERE)
        await found.authenticate("agent-7", "agent-token", HERE)


async def test_a_token_alone(users: tuple[User, ...]) -> None:
    found = known(users)
    for _ in range(2):
        assert (await found.authenticate_token("dana-token", HERE)).principal == DANA
        assert (await found.authenticate_token("agent-token", HERE)).principal == AGENT
    for wrong in ("", "wrong"):
        with pytest.raises(WrongToken):
            await found.authenticate_token(wrong, HERE)


async def test_a_token_expires_even_when_it_is_known(users: tuple[User, ...]) -> None:
    clock = [NOW]
    found = known(users, lambda: clock[0])
    await found.authenticate("dana", "dana-token", HERE)
    clock[0] = NOW + timedelta(days=31)
    with pytest.raises(WrongToken):
        await found.authenticate("dana", "dana-token", HERE)
    with pytest.raises(WrongToken):
        await found.authenticate_token("dana-token", HERE)
    assert (await found.authenticate("agent-7", "agent-token", HERE)).principal == AGENT


async def test_who_guesses_must_wait_and_who_was_right_before_need_not(users: tuple[User, ...]) -> None:
    clock = [NOW]
    found = known(users, lambda: clock[0])
    await found.authenticate("dana", "dana-token", HERE)
    for name in ("dana", "agent-7"):
        for _ in range(5):
            with pytest.raises(WrongToken):
                await found.authenticate(name, "guess", HERE)
        with pytest.raises(TooManyGuesses) as held:
            await found.authenticate(name, "guess", HERE)
        assert held.value.seconds == 1

    assert (await found.authenticate("dana", "dana-token", HERE)).principal == DANA
    with pytest.raises(TooManyGuesses):
        await found.authenticate("agent-7", "agent-token", HERE)
    assert (await found.authenticate("agent-7", "agent-token", "192.0.2.7")).principal == AGENT

    clock[0] += timedelta(seconds=1)
    assert (await found.authenticate("agent-7", "agent-token", HERE)).principal == AGENT


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
        known((broken,))


@pytest.mark.parametrize(
    ("expires", "words"), [("tomorrow", "a date and time"), ("2026-07-01T00:00:00", "a time zone")]
)
def test_an_expiry_must_be_a_moment(expires: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        known((user(DANA, "t", expires),))
