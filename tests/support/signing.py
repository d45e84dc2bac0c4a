"""A key of its own for every role."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.signature import Keyring, Signer
from schemas.vocabulary import Role

_KEYS = {role: Ed25519PrivateKey.generate() for role in Role}

KEYRING = Keyring({role: (key.public_key(),) for role, key in _KEYS.items()})


def signer(role: Role) -> Signer:
    """Signs as this role, with a key that KEYRING has."""
    return Signer(role, _KEYS[role])


def stranger(role: Role) -> Signer:
    """Claims to be this role, with a key that nobody has."""
    return Signer(role, Ed25519PrivateKey.generate())
