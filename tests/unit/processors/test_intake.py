from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.commands import NOW, requested
from support.events import events
from support.reviews import decided
from support.reviews import requested as review_requested
from support.signing import KEYRING, signer, stranger

from infra.kafka.bus import partition_of
from processors.intake import KEPT_OF_A_REJECTED, Intake, NotBelieved
from schemas.codec import encode
from schemas.envelope import envelope
from schemas.events import ApprovalRequested, CommandRequested, ReviewDecided, SessionClosed
from schemas.topics import APPROVALS, COMMANDS, VERDICTS
from schemas.vocabulary import Role

NODE = "processors@test#1"
COMMANDS_IN = Intake(COMMANDS, [CommandRequested], KEYRING, NODE)
APPROVALS_IN = Intake(APPROVALS, [ReviewDecided, ApprovalRequested], KEYRING, NODE)


def placed(event: Any, by: Any) -> tuple[bytes, int]:
    topic = COMMANDS if isinstance(event, CommandRequested) else APPROVALS
    return encode(event, by), partition_of(topic.key(event), topic.partitions)


def test_an_event_of_the_right_role_in_its_place() -> None:
    request = requested()
    assert COMMANDS_IN.open(*placed(request, signer(Role.INGRESS))) == request


def test_what_others_consume_is_passed_over() -> None:
    closed = SessionClosed(envelope=envelope(NOW, "ingress@test#1", session="s"), reason="the client left")
    assert COMMANDS_IN.open(encode(closed, signer(Role.INGRESS)), 0) is None


def test_a_forged_signature() -> None:
    with pytest.raises(NotBelieved, match="not signed by a key of ingress"):
        COMMANDS_IN.open(*placed(requested(), stranger(Role.INGRESS)))


def test_a_decision_signed_by_a_role_that_may_not_decide() -> None:
    """An ingress that was taken over cannot approve: its key is not the API's."""
    decision = decided(review_requested())
    raw, partition = placed(decision, signer(Role.API))
    forged = raw[:-66] + b"\x80\x01" + signer(Role.INGRESS).sign(raw[:-66])
    assert APPROVALS_IN.open(raw, partition) == decision
    with pytest.raises(NotBelieved, match="not signed by a key of api"):
        APPROVALS_IN.open(forged, partition)


@given(place=st.integers(0), change=st.integers(1, 255))
def test_no_byte_may_change(place: int, change: int) -> None:
    raw, partition = placed(requested(), signer(Role.INGRESS))
    broken = bytearray(raw)
    broken[place % len(raw)] ^= change
    try:
        event = COMMANDS_IN.open(bytes(broken), partition)
    except NotBelieved:
        return
    assert event is None, "another kind of event, which this intake passes over"


@given(st.binary(max_size=200))
def test_anything_else_is_not_believed(raw: bytes) -> None:
    with pytest.raises(NotBelieved):
        COMMANDS_IN.open(raw, 0)


def test_no_value_at_all() -> None:
    with pytest.raises(NotBelieved, match="empty"):
        COMMANDS_IN.open(None, 0)


def test_an_event_on_another_topic() -> None:
    raw, _ = placed(decided(review_requested()), signer(Role.API))
    with pytest.raises(NotBelieved, match="does not belong on this topic"):
        COMMANDS_IN.open(raw, 0)


def test_an_event_on_another_partition() -> None:
    """A copy there would not be in order with what happened to the same key before."""
    raw, partition = placed(requested(), signer(Role.INGRESS))
    with pytest.raises(NotBelieved, match="not on the partition of its key"):
        COMMANDS_IN.open(raw, (partition + 1) % COMMANDS.partitions)


@pytest.mark.parametrize("reply_to", [-1, VERDICTS.partitions, 1 << 40])
def test_an_answer_that_could_not_be_delivered(reply_to: int) -> None:
    with pytest.raises(NotBelieved, match="wants its answer"):
        COMMANDS_IN.open(*placed(requested(reply_to=reply_to), signer(Role.INGRESS)))


@given(events(CommandRequested))
def test_whatever_an_ingress_signs_is_read_or_refused(event: CommandRequested) -> None:
    raw, partition = placed(event, signer(Role.INGRESS))
    if 0 <= event.reply_to < VERDICTS.partitions:
        assert COMMANDS_IN.open(raw, partition) == event
    else:
        with pytest.raises(NotBelieved):
            COMMANDS_IN.open(raw, partition)


class TestRejected:
    def test_it_says_where_and_why(self) -> None:
        said = COMMANDS_IN.rejected(b"abc", 3, 77, "not an event", NOW)
        assert (said.topic, said.partition, said.offset) == (COMMANDS.name, 3, 77)
        assert (said.reason, said.raw) == ("not an event", b"abc")
        assert (said.envelope.node, said.envelope.time) == (NODE, NOW)

    def test_a_repeat_is_the_same_and_a_neighbour_is_not(self) -> None:
        ids = [COMMANDS_IN.rejected(b"", 3, offset, "", NOW).envelope.id for offset in (7, 7, 8)]
        assert ids[0] == ids[1] != ids[2]

    def test_one_that_fills_kafkas_limit_still_fits(self) -> None:
        said = COMMANDS_IN.rejected(b"x" * 4_000_000, 3, 77, "not an event", NOW)
        assert len(said.raw) == KEPT_OF_A_REJECTED
        assert "4000000 bytes" in said.reason
