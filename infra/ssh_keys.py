"""SSH keys under the state folder, in OpenSSH's format: the gateway's own, and those that sign certificates.

On several machines, each `.pub` is copied to the others.
"""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from infra.config import ConfigError
from infra.key_files import write_once


def ssh_host_key(state: Path) -> Path:
    """The gateway's own SSH host key (Ed25519, in OpenSSH's format), made at first start."""
    path = state / "ssh" / "host_key"
    _write_ssh_key(path)
    return path


def ssh_host_line(state: Path) -> str:
    """Its public half, as known_hosts has it after the host."""
    key = serialization.load_ssh_private_key(ssh_host_key(state).read_bytes(), password=None).public_key()
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def ssh_target_ca(state: Path) -> Path:
    """The key that signs the gateway's certificates for hosts, likewise; hosts trust the `.pub` beside it."""
    path = state / "ssh" / "target_ca"
    _write_ssh_pair(path)
    return path


def ssh_user_ca(state: Path) -> Ed25519PrivateKey:
    """What the api signs users' certificates with, made at first start. Raises ConfigError when it is not
    usable."""
    path = state / "ssh" / "user_ca"
    _write_ssh_pair(path)
    key = serialization.load_ssh_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError([f"{path}: expected an Ed25519 private key"])
    return key


def ssh_user_cas(state: Path) -> tuple[Ed25519PublicKey, ...]:
    """What users' certificates are believed by: `user_ca.pub`, and `user_ca.*.pub` while it is replaced."""
    folder = state / "ssh"
    if not (folder / "user_ca.pub").exists():
        _write_ssh_pair(folder / "user_ca")
    found = []
    for path in sorted(folder.glob("user_ca.*pub")):
        key = serialization.load_ssh_public_key(path.read_bytes())
        if not isinstance(key, Ed25519PublicKey):
            raise ConfigError([f"{path}: expected an Ed25519 public key"])
        found.append(key)
    return tuple(found)


def _write_ssh_pair(path: Path) -> None:
    _write_ssh_key(path)
    key = serialization.load_ssh_private_key(path.read_bytes(), password=None)
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    write_once(path.with_suffix(".pub"), public + b"\n", private=False)


def _write_ssh_key(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    write_once(
        path,
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ),
        private=True,
    )
