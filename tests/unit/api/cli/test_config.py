from pathlib import Path

import pytest

from api.cli.config import load_checked, load_config, names
from infra.config import ConfigError


def test_the_words_of_every_package_are_known() -> None:
    known = names()
    assert "postgres" in known.protocols
    assert {"select", "drop_table"} <= known.statements
    assert {"email", "card", "full"} <= known.masks
    assert {"card_number", "jwt"} <= known.detectors


def test_a_rule_that_cannot_be_used_is_found_before_anything_starts(tmp_path: Path) -> None:
    path = tmp_path / "countersign.yaml"
    path.write_text("policies:\n  - {name: odd, when: {expression: 'no_such_thing > 1'}, verdict: deny}\n")
    load_config(path)  # its form is good
    with pytest.raises(ConfigError, match=r"countersign\.yaml: policies: odd: when\.expression: "):
        load_checked(path)
