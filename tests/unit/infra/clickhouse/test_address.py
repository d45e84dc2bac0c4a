from pathlib import Path

import pytest

from infra.clickhouse.address import address_file, embedded_address
from infra.config import Config, ConfigError


def config(state: Path) -> Config:
    return Config.model_validate({"gateway": {"state": state}})


def test_where_it_listens(tmp_path: Path) -> None:
    address_file(tmp_path).parent.mkdir()
    address_file(tmp_path).write_text("127.0.0.1:4711\n")
    assert embedded_address(config(tmp_path)) == "127.0.0.1:4711"


def test_one_that_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not run: start `countersign up`"):
        embedded_address(config(tmp_path))
