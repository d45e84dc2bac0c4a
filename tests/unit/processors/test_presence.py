from datetime import datetime, timedelta

import pytest
from support.reviews import NOW

from processors.presence import GONE_AFTER, Presence
from schemas.envelope import envelope
from schemas.events import NodeHeartbeat
from schemas.vocabulary import Role


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def beat(role: Role) -> NodeHeartbeat:
    return NodeHeartbeat(envelope=envelope(NOW, "n"), role=role, started_at=NOW, status="ready")


def test_the_api_is_there_until_it_has_not_been_heard_of_for_ten_seconds() -> None:
    clock = Clock()
    presence = Presence(clock)
    assert not presence.is_gone(NOW + GONE_AFTER - timedelta(seconds=1))
    assert presence.is_gone(NOW + GONE_AFTER)
    clock.now = NOW + timedelta(seconds=20)
    presence.heard(beat(Role.API))
    assert not presence.is_gone(clock.now)
    assert presence.is_gone(clock.now + GONE_AFTER)


@pytest.mark.parametrize("role", [Role.INGRESS, Role.PROCESSORS, Role.PROJECTIONS])
def test_other_roles_are_no_reviewers(role: Role) -> None:
    clock = Clock()
    presence = Presence(clock)
    clock.now = NOW + GONE_AFTER
    presence.heard(beat(role))
    assert presence.is_gone(clock.now)
