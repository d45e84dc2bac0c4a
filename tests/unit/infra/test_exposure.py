"""What lies open on a machine: permissions of keys and secret files, credentials in the configuration."""

from pathlib import Path

import pytest

from infra.config import Config
from infra.exposure import Observed, SeenFile, check_inline, check_own, check_secret, check_ways, observe
from infra.findings import State


@pytest.mark.parametrize(
    ("mode", "own", "secret"),
    [
        (0o600, State.OK, State.OK),
        (0o400, State.OK, State.OK),
        (0o640, State.WRONG, State.OK),
        (0o660, State.WRONG, State.WRONG),
        (0o604, State.WRONG, State.WRONG),
        (0o602, State.WRONG, State.WRONG),
        (None, State.OK, State.WRONG),
    ],
)
def test_who_may_read_what(mode: int | None, own: State, secret: State) -> None:
    assert check_own(SeenFile("keys/api.key", mode)).state is own
    assert check_secret(SeenFile("app.password", mode)).state is secret


@pytest.mark.parametrize(
    ("inline", "mode", "state"),
    [
        ((), 0o644, State.OK),
        (("gateway.clickhouse.url",), 0o600, State.OK),
        (("gateway.clickhouse.url",), 0o640, State.WRONG),
        (("gateway.clickhouse.url",), 0o604, State.WRONG),
    ],
)
def test_a_credential_in_the_configuration(inline: tuple[str, ...], mode: int, state: State) -> None:
    finding = check_inline(Observed(SeenFile("countersign.yaml", mode), inline, (), ()))
    assert finding.state is state
    assert all(key in finding.said for key in inline)


@pytest.mark.parametrize(
    ("gateway", "states"),
    [
        ({}, []),
        ({"kafka": {"bootstrap": "k1:9092,k2:9092"}}, [State.WRONG]),
        ({"kafka": {"bootstrap": "127.0.0.1:9092,k2:9092"}}, [State.WRONG]),
        ({"kafka": {"bootstrap": "127.0.0.1:9092, [::1]:9092"}}, [State.OK]),
        ({"kafka": {"bootstrap": "k:9092", "security": {"protocol": "SASL_PLAINTEXT"}}}, [State.WRONG]),
        ({"kafka": {"bootstrap": "k:9092", "security": {"protocol": "SASL_SSL"}}}, [State.OK]),
        ({"clickhouse": {"url": "http://ch:8123/countersign"}}, [State.WRONG]),
        ({"clickhouse": {"url": "http://localhost:8123/countersign"}}, [State.OK]),
        ({"clickhouse": {"url": "https://ch:8443/countersign"}}, [State.OK]),
    ],
)
def test_the_ways_of_events(gateway: dict[str, object], states: list[State]) -> None:
    found = check_ways(Config.model_validate({"gateway": gateway}).gateway)
    assert [finding.state for finding in found] == states


def test_it_finds_secrets_wherever_the_configuration_has_them(tmp_path: Path) -> None:
    config = Config.model_validate(
        {
            "gateway": {
                "state": "state",
                "clickhouse": {"url": "https://countersign:hunter2@clickhouse:8443/countersign"},
                "kafka": {"bootstrap": "k:9092", "security": {"password": {"file": "kafka.password"}}},
                "vault": {
                    "url": "https://vault",
                    "ca": "vault-ca.crt",
                    "auth": {"approle": {"role_id": "r", "secret_id": {"file": "vault.secret"}}},
                },
                "tls": {"certificate": "tls.crt", "key": "tls.key"},
            },
            "resources": [
                {
                    "name": "orders",
                    "protocol": "postgres",
                    "address": "db:5432",
                    "ca": {"file": "db-ca.crt"},
                    "credentials": {
                        "ephemeral": {"user": "m", "password": {"file": "maker"}, "role": "app"},
                    },
                },
                {
                    "name": "billing",
                    "protocol": "http",
                    "address": "https://billing",
                    "credentials": {"bearer": {"file": "billing.token"}},
                },
            ],
        }
    )
    config._base = tmp_path
    path = tmp_path / "countersign.yaml"
    path.write_text("")
    path.chmod(0o640)
    keys = tmp_path / "state" / "keys"
    keys.mkdir(parents=True)
    for name in ("api.key", "api.pub"):
        (keys / name).write_text("")
        (keys / name).chmod(0o600)
    observed = observe(config, path)
    assert observed.inline == ("gateway.clickhouse.url",)
    assert observed.configuration == SeenFile("countersign.yaml", 0o640)
    assert observed.own == (SeenFile("state/keys/api.key", 0o600),)
    assert {file.name for file in observed.secrets} == {
        "kafka.password",
        "vault.secret",
        "tls.key",
        "maker",
        "billing.token",
    }
