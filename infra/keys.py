"""Keys under the state folder: each role's signing key, that of tokens, the sealing key, secrets.

Roles which start at the same time agree on each. On several machines, each role's `.pub` is copied to the
others.
"""

import base64
import os
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.config import ConfigError
from infra.key_files import private_pem, write_once
from schemas.signature import Keyring, Signer
from schemas.vocabulary import Role

_TOKENS = "tokens"  # the name of the key pair that signs tokens


def signer(state: Path, role: Role) -> Signer:
    """The role's signer; its key pair is made at first start. Raises ConfigError when it is not usable."""
    path = _key_folder(state) / f"{role.value}.key"
    _make_missing_pairs(state)
    return Signer(role, _private(path))


def token_key(state: Path) -> Ed25519PrivateKey:
    """What the api signs tokens with, made at first start. Raises ConfigError when it is not usable."""
    _make_missing_pairs(state)
    return _private(_key_folder(state) / f"{_TOKENS}.key")


def token_keys(state: Path) -> tuple[Ed25519PublicKey, ...]:
    """What tokens are believed by: `tokens.pub`, and `tokens.*.pub` while the key is being replaced."""
    _make_missing_pairs(state)
    return _public(state, _TOKENS)


def keyring(state: Path) -> Keyring:
    """Every role's public keys: `ROLE.pub`, and `ROLE.*.pub` while a key is being replaced."""
    _make_missing_pairs(state)
    return Keyring({role: _public(state, role.value) for role in Role})


class Sealer:
    """Encrypts what of a command must not be read in events (AES-256-GCM, NIST SP 800-38D)."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, command: str, text: str, parameters: tuple[str | None, ...]) -> bytes:
        """The original text and parameters, bound to the command they belong to."""
        nonce = os.urandom(12)
        plain = msgspec.json.encode([text, parameters])
        return nonce + self._aead.encrypt(nonce, plain, command.encode())

    def open(self, command: str, sealed: bytes) -> tuple[str, tuple[str | None, ...]]:
        """What was sealed for this command. Raises cryptography.exceptions.InvalidTag."""
        plain = self._aead.decrypt(sealed[:12], sealed[12:], command.encode())
        text, parameters = msgspec.json.decode(plain, type=tuple[str, tuple[str | None, ...]])
        return text, parameters


def sealer(state: Path) -> Sealer:
    """The gateway's sealer; its key is made at first start."""
    path = _key_folder(state) / "sealing.key"
    write_once(path, base64.b64encode(AESGCM.generate_key(256)), private=True)
    return Sealer(base64.b64decode(path.read_bytes()))


def secret(state: Path, name: str) -> bytes:
    """256 random bits that every process of this state folder shares, for one purpose, made at first use."""
    path = _key_folder(state) / f"{name}.secret"
    write_once(path, base64.b64encode(os.urandom(32)), private=True)
    return base64.b64decode(path.read_bytes())


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: the signing key cannot be read: {error}"]) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError([f"{path}: expected an Ed25519 private key"])
    return key


def _public(state: Path, name: str) -> tuple[Ed25519PublicKey, ...]:
    found = []
    for path in sorted(_key_folder(state).glob(f"{name}.*pub")):
        key = serialization.load_pem_public_key(path.read_bytes())
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigError([f"{path}: expected an Ed25519 public key"])
        found.append(key)
    return tuple(found)


def _key_folder(state: Path) -> Path:
    return state / "keys"


def _make_missing_pairs(state: Path) -> None:
    folder = _key_folder(state)
    for name in (*(role.value for role in Role), _TOKENS):
        private, public = folder / f"{name}.key", folder / f"{name}.pub"
        if public.exists():
            continue
        if not private.exists():
            write_once(private, private_pem(Ed25519PrivateKey.generate()), private=True)
        key = serialization.load_pem_private_key(private.read_bytes(), password=None)
        write_once(
            public,
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
            private=False,
        )
