"""Who said it: Ed25519 signatures (RFC 8032) over events. Keys are arguments; nothing is read here."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from schemas.vocabulary import Role

SIGNATURE_LENGTH = 64


class SignatureRefused(Exception):
    """The bytes were not signed by a role that may say this."""


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as one role."""

    role: Role
    key: Ed25519PrivateKey

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data)


@dataclass(frozen=True, slots=True)
class Keyring:
    """The public keys of each role; a role has several while its key is being replaced."""

    keys: Mapping[Role, tuple[Ed25519PublicKey, ...]]

    def verify(self, role: Role, data: bytes, signature: bytes) -> None:
        """Raises SignatureRefused unless one of the role's keys made this signature."""
        for key in self.keys.get(role, ()):
            try:
                key.verify(signature, data)
            except InvalidSignature:
                continue
            return
        raise SignatureRefused(f"not signed by a key of role {role.value}")
