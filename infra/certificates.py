"""What the gateway's listeners show: the user's certificate, or one of the gateway's own CA under the state
folder."""

import contextlib
import fcntl
import ipaddress
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.clock import now
from infra.config import Config, ConfigError
from infra.key_files import private_pem, write_once, write_whole

_CA_DAYS = 3650
_CERTIFICATE_DAYS = 365


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


def _ca(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key_path, certificate_path = folder / "ca.key", folder / "ca.crt"
    write_once(key_path, private_pem(ec.generate_private_key(ec.SECP256R1())), private=True)
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
        write_once(certificate_path, certificate.public_bytes(serialization.Encoding.PEM), private=False)
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
    write_whole(key_path, private_pem(key), private=True)
    write_whole(certificate_path, certificate.public_bytes(serialization.Encoding.PEM), private=False)
