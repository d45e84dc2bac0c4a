"""An approval <-> the signed bytes that the table keeps, so that nobody who can write to Kafka alters one."""

import msgspec

from processors.approvals.approval import Approval
from schemas.signature import SIGNATURE_LENGTH, Keyring, SignatureRefused, Signer
from schemas.vocabulary import Role

# No event begins like this: a signature over a record is none over an event.
_DOMAIN = b"countersign approval record v1\x00"


def encode_record(approval: Approval, signer: Signer) -> bytes:
    """The approval as bytes signed by the processors."""
    body = msgspec.msgpack.encode(approval)
    return signer.sign(_DOMAIN + body) + body


def decode_record(key: str, record: bytes, keyring: Keyring) -> Approval:
    """The approval kept under this key. Raises SignatureRefused when it was not the processors who wrote it,
    or not under this key."""
    signature, body = record[:SIGNATURE_LENGTH], record[SIGNATURE_LENGTH:]
    keyring.verify(Role.PROCESSORS, _DOMAIN + body, signature)
    try:
        approval = msgspec.msgpack.decode(body, type=Approval)
    except msgspec.MsgspecError as error:
        raise SignatureRefused("written by a version that kept other things") from error
    if approval.request.approval != key:
        raise SignatureRefused("kept under another approval's key")
    return approval
