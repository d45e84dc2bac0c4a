"""Signing and verifying by role."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from schemas.signature import SIGNATURE_LENGTH, Keyring, SignatureRefused, Signer
from schemas.vocabulary import Role

OLD, NEW, API = (Ed25519PrivateKey.generate() for _ in range(3))
KEYRING = Keyring({Role.PROCESSORS: (OLD.public_key(), NEW.public_key()), Role.API: (API.public_key(),)})


@given(st.binary(max_size=100))
def test_both_keys_verify_while_one_is_being_replaced(data: bytes) -> None:
    for key in (OLD, NEW):
        signature = Signer(Role.PROCESSORS, key).sign(data)
        assert len(signature) == SIGNATURE_LENGTH
        KEYRING.verify(Role.PROCESSORS, data, signature)


def test_another_roles_key_is_refused() -> None:
    with pytest.raises(SignatureRefused, match="processors"):
        KEYRING.verify(Role.PROCESSORS, b"allow", API.sign(b"allow"))


def test_a_role_without_keys_signs_nothing() -> None:
    with pytest.raises(SignatureRefused, match="ingress"):
        KEYRING.verify(Role.INGRESS, b"allow", OLD.sign(b"allow"))


@given(st.binary(max_size=80))
def test_other_bytes_are_no_signature(signature: bytes) -> None:
    with pytest.raises(SignatureRefused):
        KEYRING.verify(Role.PROCESSORS, b"allow", signature)
