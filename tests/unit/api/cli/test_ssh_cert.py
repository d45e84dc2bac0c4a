"""The key and the certificate that `countersign ssh-cert` keeps."""

from pathlib import Path

import pytest
import typer

from api.cli.ssh_cert import certificate_of, forget_certificate, own_key

URL = "https://gw.example.com"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_a_key_is_made_once_for_each_gateway_and_is_its_users_alone() -> None:
    public = own_key(URL)
    line = public.read_text()
    assert line.startswith("ssh-ed25519 ")
    assert public.with_suffix("").stat().st_mode & 0o777 == 0o600
    assert (own_key(URL), public.read_text()) == (public, line)
    assert own_key("https://other.example.com") != public


def test_a_certificate_is_beside_its_key_until_the_sign_in_ends() -> None:
    certificate = certificate_of(own_key(URL))
    certificate.write_text("…")
    forget_certificate(URL)
    assert not certificate.exists()
    assert own_key(URL).exists()
    forget_certificate(URL)


def test_a_private_key_is_none_that_is_sent(tmp_path: Path) -> None:
    with pytest.raises(typer.Exit):
        certificate_of(tmp_path / "id_ed25519")
