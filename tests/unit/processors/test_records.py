import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from support.events import values
from support.reviews import DANA, requested

from processors.approvals.record import Approval, Vote
from processors.desk import APPROVAL_RECORD
from schemas.codec import encode
from schemas.signature import Keyring, SignatureRefused, Signer
from schemas.vocabulary import Role

KEYS = {role: Ed25519PrivateKey.generate() for role in Role}
KEYRING = Keyring({role: (key.public_key(),) for role, key in KEYS.items()})
PROCESSORS = Signer(Role.PROCESSORS, KEYS[Role.PROCESSORS])

APPROVAL = Approval(requested(), votes=(Vote(DANA, "fine"),))
KEY = APPROVAL.request.approval


@given(values(Approval))
def test_what_is_kept_comes_back(approval: Approval) -> None:
    record = APPROVAL_RECORD.encode(approval, PROCESSORS)
    assert APPROVAL_RECORD.decode(approval.request.approval, record, KEYRING) == approval


def test_the_same_approval_is_the_same_record() -> None:
    assert APPROVAL_RECORD.encode(APPROVAL, PROCESSORS) == APPROVAL_RECORD.encode(APPROVAL, PROCESSORS)


@given(st.integers(0), st.integers(1, 255))
def test_no_byte_may_change(place: int, change: int) -> None:
    record = bytearray(APPROVAL_RECORD.encode(APPROVAL, PROCESSORS))
    record[place % len(record)] ^= change
    with pytest.raises(SignatureRefused):
        APPROVAL_RECORD.decode(KEY, bytes(record), KEYRING)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.PROCESSORS])
def test_nobody_else_may_write_one(role: Role) -> None:
    with pytest.raises(SignatureRefused):
        APPROVAL_RECORD.decode(KEY, APPROVAL_RECORD.encode(APPROVAL, Signer(role, KEYS[role])), KEYRING)


def test_a_record_belongs_to_its_key() -> None:
    with pytest.raises(SignatureRefused, match="another"):
        APPROVAL_RECORD.decode("elsewhere", APPROVAL_RECORD.encode(APPROVAL, PROCESSORS), KEYRING)


@pytest.mark.parametrize("record", [b"", b"x", b"\x00" * 64])
def test_no_record_at_all(record: bytes) -> None:
    with pytest.raises(SignatureRefused):
        APPROVAL_RECORD.decode(KEY, record, KEYRING)


def test_a_signed_event_is_no_record() -> None:
    """Its signature is over other words, wherever in the bytes it stands."""
    signed = encode(APPROVAL.request, PROCESSORS)
    with pytest.raises(SignatureRefused):
        APPROVAL_RECORD.decode(KEY, signed[-64:] + signed[:-66], KEYRING)


def test_one_kept_by_another_version_is_refused() -> None:
    body = msgspec.msgpack.encode({"request": "of another shape"})
    signature = PROCESSORS.sign(b"countersign approval record v1\x00" + body)
    with pytest.raises(SignatureRefused, match="version"):
        APPROVAL_RECORD.decode(KEY, signature + body, KEYRING)
