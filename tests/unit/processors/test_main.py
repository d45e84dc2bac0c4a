from pathlib import Path

import pytest
from support.builders import POLICIES
from support.processes import free_port
from support.processors_role import launch, write_processors

from infra.config import ConfigError, load
from processors.main import run


def test_without_kafka_it_says_so_and_ends(tmp_path: Path) -> None:
    config = write_processors(tmp_path, f"127.0.0.1:{free_port()}", POLICIES)
    worker = launch(config)
    assert worker.process.wait(60) == 1
    log = worker.log.read_text()
    assert "kafka_unavailable" in log
    assert "Traceback" not in log


def test_a_rule_that_cannot_be_used_is_refused_before_anything_starts(tmp_path: Path) -> None:
    policies = [{"name": "r", "when": {"expression": "principal.name =="}, "verdict": "deny"}]
    config = write_processors(tmp_path, "127.0.0.1:1", policies)
    with pytest.raises(ConfigError, match=r"policies: r: when\.expression"):
        run(load(config))
