"""Certificates for hosts: for whom, for how long, for what."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
from asyncssh.public_key import SSHOpenSSHCertificate

from infra.credentials import Asker
from infra.ssh_keys import ssh_target_ca
from ingress.ssh.certificates import Certificates
from schemas.vocabulary import Principal, PrincipalKind

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
ASKER = Asker(Principal("agent-7", PrincipalKind.AGENT, ()), "session-1")


def test_a_certificate_says_who_and_ends_soon(tmp_path: Path) -> None:
    (tmp_path / "ssh").mkdir()
    ca = ssh_target_ca(tmp_path)
    assert ssh_target_ca(tmp_path).read_bytes() == ca.read_bytes()
    assert ca.stat().st_mode & 0o077 == 0
    signing = asyncssh.read_private_key(ca)
    key, made = Certificates(signing, lambda: NOW).sign(ASKER, "deploy", timedelta(minutes=2))
    certificate = asyncssh.import_certificate(made.export_certificate())
    assert isinstance(certificate, SSHOpenSSHCertificate)
    assert certificate.signing_key == asyncssh.read_public_key(ca.with_suffix(".pub"))
    assert certificate.key == key.convert_to_public()
    assert certificate.principals == ["deploy"]
    assert certificate._key_id == "agent-7/session-1"
    assert certificate._valid_after == (NOW - timedelta(minutes=1)).timestamp()
    assert certificate._valid_before == (NOW + timedelta(minutes=2)).timestamp()
    _, bound = Certificates(signing, lambda: NOW).sign(ASKER, "deploy", timedelta(minutes=2), ["10.0.0.0/8"])
    assert isinstance(bound, SSHOpenSSHCertificate)
    assert "10.0.0.0/8" in str(bound.options["source-address"])
    assert "permit-user-rc" not in certificate.options
    # What is forwarded and lent needs a rule: the host must not refuse what one allows.
    assert {"permit-port-forwarding", "permit-agent-forwarding", "permit-X11-forwarding"} <= set(
        certificate.options
    )
