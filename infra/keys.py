"""Keys under the state folder: each role's signing key, that of tokens, the sealing key, the own CA.

Private keys are readable by the owner alone; a key is written whole or not at all, so that roles which
start at the same time agree on it. On several machines, each role's `.pub` is copied to the others.
"""

import base64
import contextlib
import fcntl
import ipaddress
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.clock import now
from infra.config import Config, ConfigError
from schemas.signature import Keyring, Signer
from schemas.vocabulary import Role

_TOKENS = "tokens"  # the name of the key pair that signs tokens
_CA_DAYS = 3650
_CERTIFICATE_DAYS = 365


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
    _write_once(path, base64.b64encode(AESGCM.generate_key(256)), private=True)
    return Sealer(base64.b64decode(path.read_bytes()))


def secret(state: Path, name: str) -> bytes:
    """256 random bits that every process of this state folder shares, for one purpose, made at first use."""
    path = _key_folder(state) / f"{name}.secret"
    _write_once(path, base64.b64encode(os.urandom(32)), private=True)
    return base64.b64decode(path.read_bytes())


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
    _write_once(path.with_suffix(".pub"), public + b"\n", private=False)


def _write_ssh_key(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    _write_once(
        path,
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        ),
        private=True,
    )


def server_certificate(config: Config) -> tuple[Path, Path]:
    """Certificate chain and key, as PEM files, that the gateway's listeners show.

    The user's own, or (`tls: {mode: auto}`) one for this machine from the gateway's own CA, whose
    certificate clients find in `<state>/tls/ca.crt`. Renewed when it is about to expire.
    """
    tls = config.gateway.tls
    if tls.certificate is not None and tls.key is not None:
        pair = (config.base / tls.certificate, config.base / tls.key)
        for path in pair:
            if not path.is_file():
                raise ConfigError([f"gateway.tls: {path} is not there"])
        return pair
    folder = config.state / "tls"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    certificate_path, key_path = folder / "server.crt", folder / "server.key"
    with _one_at_a_time(folder):
        ca_certificate, ca_key = _ca(folder)
        if not _usable(certificate_path, key_path):
            _make_server_certificate(certificate_path, key_path, ca_certificate, ca_key, _host_names(config))
    return certificate_path, key_path


def ca_path(config: Config) -> Path | None:
    """Where clients find the gateway's CA; None when the certificate is the user's own."""
    return config.state / "tls" / "ca.crt" if config.gateway.tls.mode == "auto" else None


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
            _write_once(private, _private_pem(Ed25519PrivateKey.generate()), private=True)
        key = serialization.load_pem_private_key(private.read_bytes(), password=None)
        _write_once(
            public,
            key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
            private=False,
        )


def _private_pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_once(path: Path, content: bytes, *, private: bool) -> None:
    """Creates the file whole, unless it is there; of several who try, one wins and all see its content."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    _write(draft, content, private=private)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _write(path: Path, content: bytes, *, private: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if private else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _ca(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key_path, certificate_path = folder / "ca.key", folder / "ca.crt"
    _write_once(key_path, _private_pem(ec.generate_private_key(ec.SECP256R1())), private=True)
    key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigError([f"{key_path}: expected an elliptic-curve private key"])
    if not certificate_path.exists():
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Countersign gateway CA")])
        certificate = (
            _certificate(name, name, key.public_key(), _CA_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(_key_usage(ca=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        _write_once(certificate_path, certificate.public_bytes(serialization.Encoding.PEM), private=False)
    return x509.load_pem_x509_certificate(certificate_path.read_bytes()), key


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() - timedelta(minutes=5))
        .not_valid_after(now() + timedelta(days=days))
    )


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _host_names(config: Config) -> list[x509.GeneralName]:
    listen = config.gateway.listen
    hosts = {"localhost", "127.0.0.1", "::1", os.uname().nodename}
    hosts |= {
        address.host
        for address in (listen.api, listen.clickhouse, listen.postgres, listen.http)
        if address is not None and address.host not in ("0.0.0.0", "::")  # noqa: S104  not bound here
    }
    names: list[x509.GeneralName] = []
    for host in sorted(hosts):
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return names


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Roles that start together wait for each other here: certificate and key are two files."""
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _usable(certificate_path: Path, key_path: Path) -> bool:
    """Whether certificate and key are whole, belong together and last for a while."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        return False
    lasts = certificate.not_valid_after_utc - now() > timedelta(days=30)
    return lasts and certificate.public_key() == key.public_key()


def _make_server_certificate(
    certificate_path: Path,
    key_path: Path,
    ca_certificate: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    names: list[x509.GeneralName],
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Countersign gateway")])
    certificate = (
        _certificate(subject, ca_certificate.subject, key.public_key(), _CERTIFICATE_DAYS)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    _write(key_path, _private_pem(key), private=True)
    _write(certificate_path, certificate.public_bytes(serialization.Encoding.PEM), private=False)
