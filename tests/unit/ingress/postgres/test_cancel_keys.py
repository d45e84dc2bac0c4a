"""A cancel key cancels its own session's statement and nothing else."""

import pytest

from ingress.postgres.cancel_keys import CancelKeys


def test_targets_may_share_a_process_id() -> None:
    keys, cancelled = CancelKeys(), []
    first = keys.issue(7, 0, lambda: cancelled.append("first"))
    second = keys.issue(7, 0, lambda: cancelled.append("second"))
    keys.use(7, second)
    assert cancelled == ["second"]
    keys.revoke(7, second)
    keys.use(7, second)
    keys.use(7, first)
    assert cancelled == ["second", "first"]


def test_another_key_or_another_process_cancels_nothing() -> None:
    keys, cancelled = CancelKeys(), []
    secret = keys.issue(7, 0, lambda: cancelled.append(1))
    keys.use(8, secret)
    keys.use(7, secret[:3])
    keys.use(7, secret + b"\0")
    keys.use(7, b"")
    assert cancelled == []


@pytest.mark.parametrize(("minor", "length"), [(0, 4), (1, 4), (2, 32)])
def test_protocol_3_2_has_room_for_a_long_key(minor: int, length: int) -> None:
    assert len(CancelKeys().issue(7, minor, lambda: None)) == length
