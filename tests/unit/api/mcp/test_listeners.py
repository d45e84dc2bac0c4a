"""The gateway's listeners, as a client meets them."""

from pathlib import Path

import pytest
from support.builders import configuration, write_configuration

from api.cli.config import load_config
from api.mcp.listeners import Listeners


@pytest.mark.parametrize(
    ("when", "is_served"),
    [
        ({"resources": ["a"]}, True),
        ({"networks": ["10.0.0.0/8"]}, False),
        ({"expression": 'client.address != ""'}, False),
    ],
)
def test_rules_that_look_at_where_a_client_is(
    when: dict[str, object], is_served: bool, tmp_path: Path
) -> None:
    rule = {"name": "a", "when": when, "verdict": "allow"}
    document = configuration(listen={"api": "127.0.0.1:1"}, resources=[], policies=[rule])
    config = load_config(write_configuration(tmp_path, document, {}))
    assert (Listeners.of(config) is not None) is is_served
