"""Who of those that the provider signs in comes in, and as whom."""

import asyncio
from typing import Any

import pytest
from support.reviews import NOW

from infra.config import Scim
from infra.identity.provisioning import NotProvisioned, Provisioning
from infra.identity.signed_in import IdentityUnavailable
from infra.kafka.bus import Received
from schemas.envelope import envelope
from schemas.events import Event, GroupProvisioned, UserProvisioned
from schemas.vocabulary import Principal, PrincipalKind

ALICE = Principal("alice", PrincipalKind.PERSON, ("dba",))


class KnownDirectory(Provisioning):
    """The directory is what the test applied, and all of it."""

    @property
    def is_current(self) -> bool:
        return True


def provisioned(name: str, active: bool = True) -> UserProvisioned:
    return UserProvisioned(
        envelope=envelope(NOW, "api@test#1"),
        entry="1",
        name=name,
        active=active,
        external_id="",
        display_name="",
    )


def member_of(name: str) -> GroupProvisioned:
    about = envelope(NOW, "api@test#1")
    return GroupProvisioned(envelope=about, entry=name, name=name, external_id="", joined=("1",), left=())


def known(*events: Event, groups: dict[str, str] | None = None, **more: Any) -> Provisioning:
    made = KnownDirectory(Scim(token_hash="", groups=groups), ("bots",), lambda: NOW)
    for event in events:
        made.directory.apply(event)
    return made


def test_nobody_is_let_in_before_the_directory_is_read() -> None:
    with pytest.raises(IdentityUnavailable):
        Provisioning(Scim(token_hash=""), (), lambda: NOW).admit(ALICE)


@pytest.mark.parametrize("events", [(), (provisioned("alicia"),), (provisioned("alice", active=False),)])
def test_who_is_not_there_and_active_is_refused(events: tuple[Event, ...]) -> None:
    with pytest.raises(NotProvisioned):
        known(*events).admit(ALICE)


def test_the_directorys_name_and_groups_are_theirs() -> None:
    made = known(provisioned("Alice"), member_of("Night shift"), member_of("Cooks"))
    assert made.admit(ALICE) == Principal("Alice", PrincipalKind.PERSON, ("Cooks", "Night shift", "dba"))


def test_of_the_groups_those_count_that_have_a_name_here() -> None:
    made = known(provisioned("alice"), member_of("Night shift"), member_of("Cooks"), groups={"Cooks": "bots"})
    assert made.admit(ALICE) == Principal("alice", PrincipalKind.AGENT, ("bots", "dba"))


async def test_what_was_taken_is_not_taken_again_from_the_first() -> None:
    """As after a lost connection: somebody who is out must not be in while the topic is read again."""
    made = known()
    came, went = provisioned("alice"), provisioned("alice", active=False)
    awaited = made.expect(went)
    for offset, event in enumerate((came, went)):
        made.take(_received(event, offset))
    async with asyncio.timeout(5):
        await awaited

    made.take(_received(came, 0))

    with pytest.raises(NotProvisioned):
        made.admit(ALICE)


def _received(event: Event, offset: int) -> Received:
    return Received(event, "countersign.directory", 0, offset, b"", 0)
