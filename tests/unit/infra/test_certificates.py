"""What listeners show: made once, kept, renewed, and what a client verifies."""

import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.certificates import ca_path, server_certificate
from infra.clock import now
from infra.config import Config, ConfigError, Gateway, Listen, Tls, parse_address


def config_in(folder: Path, tls: Tls | None = None, api: str = "127.0.0.1:8080") -> Config:
    config = Config(gateway=Gateway(listen=Listen(api=parse_address(api)), tls=tls or Tls(mode="auto")))
    config._base = folder
    return config


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
