"""What a client is told that speaks SPDY."""

from datetime import UTC, datetime, timedelta

from ingress.kubernetes.refusal import Statuses
from ingress.kubernetes.spdy import Refusals
from ingress.web.sinks import Said

KEY = ("agent-7", "main", "/api/v1/namespaces/dev/pods/web/portforward")
SAID = Said(403, (), b"no")


def test_the_latest_refusal_is_told_again_for_a_moment_and_to_the_same() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    refusals = Refusals(lambda: now)
    refusals.note(KEY, SAID)
    assert refusals.answer(KEY, Statuses()) is SAID
    assert b"SPDY is not served" in refusals.answer(("agent-8", *KEY[1:]), Statuses()).body
    now += timedelta(minutes=1)
    assert b"SPDY is not served" in refusals.answer(KEY, Statuses()).body
