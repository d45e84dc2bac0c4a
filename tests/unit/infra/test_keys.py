"""Keys under the state folder: made once, private, agreed on by all who start at the same time."""

import base64
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.clock import now
from infra.config import Config, ConfigError, Gateway, Listen, Tls, parse_address
from infra.keys import (
    ca_path,
    keyring,
    sealer,
    secret,
    server_certificate,
    signer,
    ssh_user_ca,
    ssh_user_cas,
)
from schemas.signature import SignatureRefused
from schemas.vocabulary import Role


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def config_in(folder: Path, tls: Tls | None = None, api: str = "127.0.0.1:8080") -> Config:
    config = Config(gateway=Gateway(listen=Listen(api=parse_address(api)), tls=tls or Tls(mode="auto")))
    config._base = folder
    return config


def test_each_role_signs_and_all_can_verify(tmp_path: Path) -> None:
    signatures = {role: signer(tmp_path, role).sign(b"said") for role in Role}
    ring = keyring(tmp_path)
    for role, signature in signatures.items():
        ring.verify(role, b"said", signature)
        for other in set(Role) - {role}:
            with pytest.raises(SignatureRefused):
                ring.verify(other, b"said", signature)


def test_keys_stay_the_same(tmp_path: Path) -> None:
    before = signer(tmp_path, Role.API).sign(b"said")
    assert signer(tmp_path, Role.API).sign(b"said") == before


def test_private_keys_are_the_owners_alone(tmp_path: Path) -> None:
    signer(tmp_path, Role.API)
    sealer(tmp_path)
    secret(tmp_path, "sessions")
    server_certificate(config_in(tmp_path))
    assert mode(tmp_path / "keys") == 0o700
    private = [path for path in (tmp_path / "keys").iterdir() if path.suffix != ".pub"]
    private += (tmp_path / ".countersign" / "tls").glob("*.key")
    assert len(private) >= 4 + 1 + 1 + 2
    assert {path.name: mode(path) for path in private if mode(path) != 0o600} == {}
    assert not list((tmp_path / "keys").glob(".*")), "a draft was left behind"


def test_a_role_has_two_keys_while_one_is_being_replaced(tmp_path: Path) -> None:
    old = signer(tmp_path, Role.PROCESSORS).sign(b"said")
    keys = tmp_path / "keys"
    (keys / "processors.pub").rename(keys / "processors.old.pub")
    (keys / "processors.key").unlink()
    new = signer(tmp_path, Role.PROCESSORS).sign(b"said")
    assert old != new
    ring = keyring(tmp_path)
    ring.verify(Role.PROCESSORS, b"said", old)
    ring.verify(Role.PROCESSORS, b"said", new)


def test_a_public_key_alone_is_enough_to_verify(tmp_path: Path) -> None:
    """On another machine only the public half of a role's key is there; none is made in its place."""
    here, there = tmp_path / "here", tmp_path / "there"
    signature = signer(here, Role.PROCESSORS).sign(b"said")
    (there / "keys").mkdir(parents=True)
    (there / "keys" / "processors.pub").write_bytes((here / "keys" / "processors.pub").read_bytes())
    keyring(there).verify(Role.PROCESSORS, b"said", signature)
    assert not (there / "keys" / "processors.key").exists()
    with pytest.raises(ConfigError, match=r"processors\.key"):
        signer(there, Role.PROCESSORS)


def test_who_start_at_the_same_time_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        signatures = set(pool.map(lambda _: signer(tmp_path, Role.INGRESS).sign(b"said"), range(8)))
        secrets = set(pool.map(lambda _: secret(tmp_path, "sessions"), range(8)))
        certificates = {
            path.read_bytes()
            for path, _ in pool.map(lambda _: server_certificate(config_in(tmp_path)), range(8))
        }
    assert (len(signatures), len(secrets)) == (1, 1)
    assert len(certificates) == 1
    (signature,) = signatures
    keyring(tmp_path).verify(Role.INGRESS, b"said", signature)


@pytest.mark.parametrize("content", [b"", b"not a key"])
def test_a_broken_key_is_told_by_its_path(tmp_path: Path, content: bytes) -> None:
    signer(tmp_path, Role.API)
    (tmp_path / "keys" / "api.key").write_bytes(content)
    with pytest.raises(ConfigError, match=r"keys/api\.key: the signing key cannot be read"):
        signer(tmp_path, Role.API)


def test_a_key_of_another_kind_is_told(tmp_path: Path) -> None:
    signer(tmp_path, Role.API)
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "keys" / "api.key").write_bytes(pem)
    with pytest.raises(ConfigError, match="expected an Ed25519 private key"):
        signer(tmp_path, Role.API)


def test_what_is_sealed_is_opened_for_its_command_alone(tmp_path: Path) -> None:
    sealed = sealer(tmp_path).seal("command-1", "select '4111'", ("4111", None))
    assert b"4111" not in sealed
    assert sealer(tmp_path).open("command-1", sealed) == ("select '4111'", ("4111", None))
    with pytest.raises(InvalidTag):
        sealer(tmp_path).open("command-2", sealed)
    with pytest.raises(InvalidTag):
        sealer(tmp_path).open("command-1", sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with pytest.raises(InvalidTag):
        sealer(tmp_path / "another").open("command-1", sealed)


def test_secrets_are_for_one_purpose(tmp_path: Path) -> None:
    one = secret(tmp_path, "sessions")
    assert len(one) == 32
    assert secret(tmp_path, "sessions") == one
    assert secret(tmp_path, "projector") != one
    assert base64.b64decode((tmp_path / "keys" / "sessions.secret").read_bytes()) == one


def test_a_client_verifies_our_certificate(tmp_path: Path) -> None:
    config = config_in(tmp_path, api="127.0.0.9:8080")
    certificate_path, key_path = server_certificate(config)
    authority = ca_path(config)
    assert authority is not None
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate_path, key_path)
    for host in ("localhost", "127.0.0.1", "127.0.0.9"):
        assert shake_hands(server, ssl.create_default_context(cafile=authority), host) is None
    refused = shake_hands(server, ssl.create_default_context(cafile=authority), "other.example.com")
    assert isinstance(refused, ssl.SSLCertVerificationError)


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> ssl.SSLError | None:
    """Both sides of a TLS handshake in memory; what the client refuses with, or None."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as refused:
                return refused
    assert sides[0].version()
    return None


def test_the_certificate_is_kept(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    before = [path.read_bytes() for path in server_certificate(config)]
    assert [path.read_bytes() for path in server_certificate(config)] == before


@pytest.mark.parametrize("spoil", [lambda old: expiring(old), lambda _: b"", lambda _: b"-----BEGIN"])
def test_an_old_or_broken_certificate_is_made_anew(
    tmp_path: Path, spoil: Callable[[x509.Certificate], bytes]
) -> None:
    config = config_in(tmp_path)
    path, _ = server_certificate(config)
    before = x509.load_pem_x509_certificate(path.read_bytes())
    path.write_bytes(spoil(before))
    after = x509.load_pem_x509_certificate(server_certificate(config)[0].read_bytes())
    assert after.serial_number != before.serial_number
    assert after.not_valid_after_utc - now() > timedelta(days=300)


def test_a_key_that_is_not_the_certificates_is_made_anew(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    certificate_path, key_path = server_certificate(config)
    other = ec.generate_private_key(ec.SECP256R1())
    key_path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server_certificate(config)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
        certificate_path, key_path
    )  # raises if they differ


def expiring(certificate: x509.Certificate) -> bytes:
    """A certificate of the same name that ends in a week."""
    key = ec.generate_private_key(ec.SECP256R1())
    return (
        x509.CertificateBuilder()
        .subject_name(certificate.subject)
        .issuer_name(certificate.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now() - timedelta(days=1))
        .not_valid_after(now() + timedelta(days=7))
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )


def test_the_users_own_certificate_is_used(tmp_path: Path) -> None:
    for name in ("own.crt", "own.key"):
        (tmp_path / name).write_text("theirs")
    config = config_in(tmp_path, Tls(certificate=Path("own.crt"), key=Path("own.key")))
    assert server_certificate(config) == (tmp_path / "own.crt", tmp_path / "own.key")
    assert ca_path(config) is None
    (tmp_path / "own.key").unlink()
    with pytest.raises(ConfigError, match=r"own\.key is not there"):
        server_certificate(config)


def test_processes_agree_too(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from infra.keys import secret\n"
        "print(secret(Path(sys.argv[1]), 'sessions').hex())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


def test_users_certificates_are_believed_by_two_authorities_while_one_is_replaced(tmp_path: Path) -> None:
    first = ssh_user_ca(tmp_path).public_key().public_bytes_raw()
    assert [key.public_bytes_raw() for key in ssh_user_cas(tmp_path)] == [first]

    folder = tmp_path / "ssh"
    (folder / "user_ca.pub").rename(folder / "user_ca.old.pub")
    (folder / "user_ca").unlink()
    second = ssh_user_ca(tmp_path).public_key().public_bytes_raw()

    assert {key.public_bytes_raw() for key in ssh_user_cas(tmp_path)} == {first, second}
    assert second != first


def test_an_ingress_elsewhere_needs_the_public_half_alone(tmp_path: Path) -> None:
    authority = ssh_user_ca(tmp_path / "api").public_key().public_bytes_raw()
    folder = tmp_path / "ingress" / "ssh"
    folder.mkdir(parents=True)
    (folder / "user_ca.pub").write_bytes((tmp_path / "api" / "ssh" / "user_ca.pub").read_bytes())
    assert [key.public_bytes_raw() for key in ssh_user_cas(tmp_path / "ingress")] == [authority]
    assert not (folder / "user_ca").exists()
