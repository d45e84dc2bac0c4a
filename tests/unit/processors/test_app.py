import ssl
from pathlib import Path
from typing import Any

import pytest

from infra.kafka.address import KafkaAddress
from processors.app import CHANGELOG, approvals_table, make_app
from schemas.topics import APPROVALS


def credentials(tmp_path: Path, **options: Any) -> Any:
    return make_app(KafkaAddress("k1:9092,k2:9093", options), tmp_path).conf.broker_credentials


def test_all_brokers_are_known(tmp_path: Path) -> None:
    conf = make_app(KafkaAddress("k1:9092,k2:9093"), tmp_path).conf
    assert [str(url) for url in conf.broker] == ["kafka://k1:9092", "kafka://k2:9093"]
    assert conf.broker_credentials is None


def test_tls(tmp_path: Path) -> None:
    context = ssl.create_default_context()
    found = credentials(tmp_path, security_protocol="SSL", ssl_context=context)
    assert (found.protocol.value, found.context) == ("SSL", context)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
@pytest.mark.parametrize("context", [None, ssl.create_default_context()], ids=["plain", "tls"])
def test_sasl(tmp_path: Path, mechanism: str, context: ssl.SSLContext | None) -> None:
    options: dict[str, Any] = {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "u",
        "sasl_plain_password": "p",
    }
    if context is not None:
        options["ssl_context"] = context
    found = credentials(tmp_path, **options)
    assert (found.username, found.password, found.mechanism.value) == ("u", "p", mechanism)
    assert found.protocol.value == ("SASL_SSL" if context else "SASL_PLAINTEXT")
    assert "p" not in repr(found).replace("password", "").split("username")[0]


def test_the_table_is_restored_from_the_topic_that_was_created(tmp_path: Path) -> None:
    """One partition of the changelog for each of the approvals, so that both move together."""
    table = approvals_table(make_app(KafkaAddress("k1:9092"), tmp_path))
    assert table.changelog_topic.get_topic_name() == CHANGELOG.name
    assert CHANGELOG.partitions == APPROVALS.partitions == table.partitions
    assert CHANGELOG.compacted


def test_faust_writes_only_where_it_may(tmp_path: Path) -> None:
    conf = make_app(KafkaAddress("k1:9092"), tmp_path).conf
    assert conf.datadir == tmp_path
    assert not conf.web_enabled
    assert conf.producer_acks == -1
