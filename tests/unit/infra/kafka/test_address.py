import ssl
from pathlib import Path
from typing import Any

import pytest
from support.certificates import make_authority

from infra.config import ConfigError, load
from infra.kafka.address import address_file, kafka_address


def _config(folder: Path, kafka: str) -> Any:
    path = folder / "countersign.yaml"
    path.write_text(f"gateway:\n  state: state\n  kafka: {kafka}\n")
    return load(path)


def test_the_embedded_one_is_where_its_file_says(tmp_path: Path) -> None:
    config = _config(tmp_path, "embedded")
    file = address_file(config.state)
    file.parent.mkdir(parents=True)
    file.write_text("127.0.0.1:21092\n")
    address = kafka_address(config)
    assert (address.bootstrap, dict(address.options)) == ("127.0.0.1:21092", {})


def test_an_embedded_one_that_does_not_run_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not run: start `countersign up`, or name another"):
        kafka_address(_config(tmp_path, "embedded"))


def test_an_external_one_needs_no_more_than_its_address(tmp_path: Path) -> None:
    address = kafka_address(_config(tmp_path, "{bootstrap: 'k1:9092,k2:9092'}"))
    assert address.bootstrap == "k1:9092,k2:9092"
    assert address.options == {"security_protocol": "PLAINTEXT"}


def test_sasl_over_tls_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = make_authority(tmp_path)
    monkeypatch.setenv("KAFKA_PASSWORD", "open-sesame-42")
    address = kafka_address(
        _config(
            tmp_path,
            "{bootstrap: 'k1:9093', security: {protocol: SASL_SSL, mechanism: SCRAM-SHA-512, username: gw, "
            f"password: {{env: KAFKA_PASSWORD}}, ca: {{file: {authority.certificate_path.name}}}}}}}",
        )
    )
    context = address.options["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert len(context.get_ca_certs()) == 1
    assert address.options["security_protocol"] == "SASL_SSL"
    assert address.options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert address.options["sasl_plain_username"] == "gw"
    assert address.options["sasl_plain_password"] == "open-sesame-42"


def test_the_password_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", "open-sesame-42")
    address = kafka_address(
        _config(
            tmp_path,
            "{bootstrap: 'k:9092', security: {protocol: SASL_PLAINTEXT, mechanism: PLAIN, username: gw, "
            "password: {env: KAFKA_PASSWORD}}}",
        )
    )
    assert "open-sesame" not in repr(address)


@pytest.mark.parametrize(
    ("security", "expected"),
    [
        ("{protocol: SASL_SSL, mechanism: PLAIN}", "needs mechanism, username and password"),
        ("{protocol: SSL, ca: {file: nowhere.crt}}", "nowhere.crt cannot be read"),
        ("{protocol: SSL, certificate: nowhere.crt}", "cannot be used"),
        (
            "{protocol: SASL_SSL, mechanism: PLAIN, username: gw, password: {env: NOT_SET}}",
            "NOT_SET is not set",
        ),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, security: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        kafka_address(_config(tmp_path, f"{{bootstrap: 'k:9092', security: {security}}}"))
