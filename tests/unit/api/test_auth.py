"""Who asks: cookies, bearer tokens, and guessers."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import pytest
from itsdangerous import URLSafeSerializer
from starlette.requests import Request
from support.builders import AGENT, DANA, configuration, user
from support.identities import KnownRevocations, identities

from api.auth import Cookies, SignIn
from api.problems import Problem
from infra.config import Config, User
from infra.identity import Method, SignedIn
from infra.identity.identities import WEB_SESSION as SESSION_LASTS
from schemas.envelope import envelope
from schemas.events import TokensRevoked
from schemas.vocabulary import Principal, PrincipalKind

KEY = b"k" * 32
START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def users(**more: str) -> list[User]:
    return [User.model_validate(user(DANA, **more)), User.model_validate(user(AGENT))]


def request(method: str = "GET", address: str = "127.0.0.1", **headers: str) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {
            "type": "http",
            "method": method,
            "path": "/",
            "headers": raw,
            "client": (address, 5000),
            "query_string": b"",
        }
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sign_in(clock: Clock) -> SignIn:
    config = Config.model_validate(configuration(listen={}, resources=[]))
    cookies = Cookies(KEY, config.identity.users, clock)
    revocations = KnownRevocations(clock)
    return SignIn(identities(config, clock, revocations), cookies, revocations, tls=False)


def signed_in(until: datetime | None = None, method: Method = Method.TOKEN) -> SignedIn:
    return SignedIn(Principal("dana", PrincipalKind.PERSON, DANA.groups), method, START, until, "", ("root",))


async def problem_of(sign_in: SignIn, asked: Request) -> Problem:
    with pytest.raises(Problem) as caught:
        await sign_in(asked)
    return caught.value


# Cookies


def test_a_cookie_opens_to_the_principal_it_was_issued_for(clock: Clock) -> None:
    cookies = Cookies(KEY, users(), clock)

    value, until = cookies.issue(signed_in())
    session = cookies.open(value)

    assert session is not None
    assert session.principal.name == "dana"
    assert session.principal.groups == ("dba", "reviewers")
    assert session.signed_in.until == until == START + SESSION_LASTS


def test_a_cookie_ends_after_eight_hours(clock: Clock) -> None:
    cookies = Cookies(KEY, users(), clock)
    value, _ = cookies.issue(signed_in())

    clock.now += SESSION_LASTS - timedelta(seconds=1)
    assert cookies.open(value) is not None
    clock.now += timedelta(seconds=1)
    assert cookies.open(value) is None


def test_a_cookie_ends_with_the_users_token(clock: Clock) -> None:
    _, until = Cookies(KEY, users(), clock).issue(signed_in(START + timedelta(hours=1)))

    assert until == START + timedelta(hours=1)


def test_a_cookie_ends_when_the_token_is_replaced_or_the_user_is_gone(clock: Clock) -> None:
    value, _ = Cookies(KEY, users(), clock).issue(signed_in())
    other_token = user(DANA) | {"token_hash": user(AGENT)["token_hash"]}

    assert Cookies(KEY, [User.model_validate(other_token)], clock).open(value) is None
    assert Cookies(KEY, [], clock).open(value) is None


@pytest.mark.parametrize("value", ["", "x", "eyJuYW1lIjoiZGFuYSJ9.abc"])
def test_a_cookie_that_we_did_not_sign_is_none(clock: Clock, value: str) -> None:
    assert Cookies(KEY, users(), clock).open(value) is None


def test_a_cookie_signed_with_another_key_or_changed_anywhere_is_none(clock: Clock) -> None:
    cookies = Cookies(KEY, users(), clock)
    value, _ = cookies.issue(signed_in())
    content = URLSafeSerializer(KEY, salt="countersign web session").loads(value)
    forged = URLSafeSerializer(b"other", salt="countersign web session").dumps(content)

    assert cookies.open(str(forged)) is None
    for position in range(len(value)):
        changed = value[:position] + ("A" if value[position] != "A" else "B") + value[position + 1 :]
        opened = cookies.open(changed)
        # The last character of a base64 text has bits that mean nothing.
        assert opened is None or position == len(value) - 1


def test_each_session_has_a_form_token_of_its_own(clock: Clock) -> None:
    cookies = Cookies(KEY, users(), clock)

    tokens = {cookies.open(cookies.issue(signed_in())[0]).form_token for _ in range(5)}  # type: ignore[union-attr]  # issued just now

    assert len(tokens) == 5


@pytest.mark.parametrize("token", ["root", ""])
async def test_a_session_ends_when_its_sign_in_or_all_of_its_principal_is_revoked(
    sign_in: SignIn, clock: Clock, token: str
) -> None:
    value, _ = sign_in.cookies.issue(signed_in(method=Method.OIDC))
    asked = request("GET", Cookie=f"{sign_in.cookie}={value}")
    assert sign_in.web_session(asked) is not None

    about = envelope(clock(), "api@test", principal="dana")
    sign_in.revocations.apply(
        TokensRevoked(envelope=about, token=token, before=clock(), revoked_by="erin", reason="")
    )

    assert sign_in.web_session(asked) is None


# Requests


async def test_a_bearer_token_says_who_asks(sign_in: SignIn) -> None:
    alone = await sign_in(request("POST", Authorization=f"Bearer {DANA.token}"))
    with_name = await sign_in(request("POST", Authorization=f"bearer dana:{DANA.token}"))

    assert alone.name == with_name.name == "dana"


@pytest.mark.parametrize(
    "authorization", ["Bearer nope", "Bearer", "Basic x", "Bearer dana:nope", f"Bearer agent-7:{DANA.token}"]
)
async def test_a_wrong_token_is_refused_and_says_how_to_sign_in(sign_in: SignIn, authorization: str) -> None:
    problem = await problem_of(sign_in, request(Authorization=authorization))

    assert problem.status is HTTPStatus.UNAUTHORIZED
    assert problem.headers["WWW-Authenticate"].startswith("Bearer")
    assert "nope" not in problem.detail + problem.action


async def test_the_cookie_reads_and_does_not_decide(sign_in: SignIn) -> None:
    value, _ = sign_in.cookies.issue(signed_in())
    cookie = f"{sign_in.cookie}={value}"

    assert (await sign_in(request("GET", Cookie=cookie))).name == "dana"
    problem = await problem_of(sign_in, request("POST", Cookie=cookie))
    assert problem.status is HTTPStatus.UNAUTHORIZED


async def test_guessing_is_slowed_by_name_and_address(sign_in: SignIn, clock: Clock) -> None:
    for _ in range(5):
        with pytest.raises(Problem):
            await sign_in.by_form(request(), "dana", "guess")

    with pytest.raises(Problem) as caught:
        await sign_in.by_form(request(), "dana", DANA.token)
    assert caught.value.status is HTTPStatus.TOO_MANY_REQUESTS
    assert caught.value.headers["Retry-After"] == "1"

    # From elsewhere, or after the wait, the right token works.
    assert await sign_in.by_form(request(address="192.0.2.7"), "dana", DANA.token)
    clock.now += timedelta(seconds=1)
    assert await sign_in.by_form(request(), "dana", DANA.token)


async def test_somebody_elses_guessing_does_not_lock_out_a_token_that_was_right_once(sign_in: SignIn) -> None:
    right = request(Authorization=f"Bearer {DANA.token}")
    await sign_in(right)
    for _ in range(5):
        await problem_of(sign_in, request(Authorization="Bearer guess"))

    problem = await problem_of(sign_in, request(Authorization="Bearer guess"))

    assert problem.status is HTTPStatus.TOO_MANY_REQUESTS
    assert (await sign_in(right)).name == "dana"


async def test_an_expired_token_ends_also_for_who_was_known(clock: Clock) -> None:
    document = configuration(listen={}, resources=[])
    document["identity"]["users"] = [user(DANA, expires=(START + timedelta(hours=1)).isoformat())]
    config = Config.model_validate(document)
    sign_in = SignIn(
        identities(config, clock),
        Cookies(KEY, config.identity.users, clock),
        KnownRevocations(clock),
        tls=True,
    )
    asked = request(Authorization=f"Bearer {DANA.token}")
    await sign_in(asked)

    clock.now += timedelta(hours=1)

    assert (await problem_of(sign_in, asked)).status is HTTPStatus.UNAUTHORIZED
    assert sign_in.cookie.startswith("__Host-")
