"""What was revoked, and what ends with it."""

from datetime import datetime, timedelta

import pytest
from support.identities import KnownRevocations
from support.issuer import NOW

from infra.identity.revocations import PROVIDER, Revocations, Revoked
from infra.identity.signed_in import IdentityUnavailable, Method, SignedIn
from schemas.envelope import envelope
from schemas.events import TokensRevoked
from schemas.vocabulary import Principal, PrincipalKind

DANA = Principal("dana", PrincipalKind.PERSON)
FOR_DANA = Principal("agent-7", PrincipalKind.AGENT, (), "dana")


def shown(
    principal: Principal = DANA, since: datetime = NOW, *sign_ins: str, person: datetime | None = None
) -> SignedIn:
    return SignedIn(principal, Method.OIDC, since, None, "", sign_ins, person)


def revoked(name: str = "dana", token: str = "", at: datetime = NOW, reason: str = "") -> TokensRevoked:
    about = envelope(at, "api@test", principal=name)
    return TokensRevoked(envelope=about, token=token, before=at, revoked_by="erin", reason=reason)


@pytest.fixture
def clock() -> list[datetime]:
    return [NOW]


@pytest.fixture
def revocations(clock: list[datetime]) -> Revocations:
    return KnownRevocations(lambda: clock[0])


@pytest.mark.parametrize(
    ("event", "signed_in", "is_revoked"),
    [
        (revoked(token="t"), shown(DANA, NOW, "t"), True),
        (revoked(token="login"), shown(DANA, NOW, "t", "login"), True),
        (revoked(token="t"), shown(DANA, NOW, "u"), False),
        (revoked("mallory", token="t"), shown(DANA, NOW, "t"), False),  # by whoever learned its id
        (revoked(token="t"), shown(FOR_DANA, NOW, "a", "t", person=NOW), True),
        (revoked(), shown(DANA, NOW), True),
        (revoked(), shown(DANA, NOW + timedelta(microseconds=1)), False),
        (revoked(), shown(FOR_DANA, NOW, person=NOW), True),
        (revoked(), shown(FOR_DANA, NOW, person=NOW + timedelta(seconds=1)), False),
        (revoked("agent-7"), shown(FOR_DANA, NOW, person=NOW + timedelta(seconds=1)), True),
        (revoked("agent-7"), shown(FOR_DANA, NOW + timedelta(seconds=1), person=NOW), False),
        (revoked("agent-7"), shown(DANA, NOW), False),
        (revoked(f"{PROVIDER}https://idp", "idp-1"), shown(DANA, NOW, "t", "idp-1"), True),
        (revoked(f"{PROVIDER}https://idp", "idp-1"), shown(DANA, NOW, "t", "idp-2"), False),
        (revoked(f"{PROVIDER}https://idp", "idp-1"), shown(DANA, NOW + timedelta(seconds=1), "idp-1"), False),
        (revoked(f"{PROVIDER}https://idp", "idp-1"), shown(FOR_DANA, NOW, "a", "idp-1", person=NOW), True),
        (revoked("mallory", "idp-1"), shown(DANA, NOW, "t", "idp-1"), False),  # a digest anybody can make
    ],
)
def test_what_goes_back_to_it_is_revoked(
    revocations: Revocations, event: TokensRevoked, signed_in: SignedIn, is_revoked: bool
) -> None:
    ends: list[str] = []
    revocations.watch(signed_in, ends.append)

    revocations.apply(event)
    revocations.apply(event)  # Kafka may give it twice

    assert ends == (["the token was revoked"] if is_revoked else [])
    if is_revoked:
        with pytest.raises(Revoked):
            revocations.check(signed_in)
        revocations.watch(signed_in, ends.append)
        assert len(ends) == 2
    else:
        revocations.check(signed_in)


def test_an_older_revocation_takes_nothing_back(revocations: Revocations) -> None:
    revocations.apply(revoked(at=NOW))
    revocations.apply(revoked(at=NOW - timedelta(hours=1)))
    with pytest.raises(Revoked):
        revocations.check(shown(DANA, NOW))


def test_who_watches_no_longer_is_not_told(revocations: Revocations) -> None:
    ends: list[str] = []
    revocations.watch(shown(), ends.append)()
    revocations.apply(revoked())
    assert ends == []


def test_the_reason_is_told(revocations: Revocations) -> None:
    ends: list[str] = []
    revocations.watch(shown(), ends.append)
    revocations.apply(revoked(reason="left the company"))
    assert ends == ["the token was revoked: left the company"]


def test_an_entry_is_kept_for_as_long_as_what_it_ends_could_be_shown(
    revocations: Revocations, clock: list[datetime]
) -> None:
    revocations.apply(revoked(token="t"))
    clock[0] = NOW + timedelta(hours=25)
    revocations.apply(revoked("erin", at=clock[0]))
    with pytest.raises(Revoked):
        revocations.check(shown(DANA, clock[0], "t"))
    clock[0] += timedelta(seconds=1)
    revocations.apply(revoked("erin", at=clock[0]))
    revocations.check(shown(DANA, clock[0], "t"))


def test_before_kafka_is_read_no_token_is_believed() -> None:
    with pytest.raises(IdentityUnavailable, match="Kafka"):
        Revocations(timedelta(hours=25)).check(shown())


def test_a_session_is_ended_alone_and_by_an_order_about_its_own_principal(revocations: Revocations) -> None:
    ends: dict[str, list[str]] = {"one": [], "other": []}
    for session, told in ends.items():
        revocations.watch(shown(DANA, NOW, "t"), told.append, session=session)

    revocations.apply(revoked("agent-7", token="one", reason="not mine to end"))
    assert ends == {"one": [], "other": []}

    revocations.apply(revoked("dana", token="one", reason="it scans"))
    assert ends == {"one": ["erin ended the session: it scans"], "other": []}
    revocations.check(shown(DANA, NOW, "t"))
