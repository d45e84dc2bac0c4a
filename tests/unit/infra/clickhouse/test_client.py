import pytest

from infra.clickhouse.client import connect
from infra.config import Config, ConfigError


def config(url: str) -> Config:
    return Config.model_validate({"gateway": {"clickhouse": {"url": url}}})


@pytest.mark.parametrize("url", ["clickhouse://user:hunter2@host/", "host:8123", "https://", ""])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(ConfigError, match=r"expected http\(s\)://") as refused:
        connect(config(url))
    assert "hunter2" not in str(refused.value)


def test_connecting_waits_until_it_is_used() -> None:
    connect(config("https://user:secret@nobody.invalid:8443/countersign"))
