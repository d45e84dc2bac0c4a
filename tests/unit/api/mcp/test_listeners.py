"""The gateway's listeners, as a client meets them."""

import pytest

from api.mcp.listeners import looks_at_clients
from infra.config.policies import When


@pytest.mark.parametrize(
    ("when", "looks"),
    [
        (When(resources=("a",)), False),
        (When(networks=("10.0.0.0/8",)), True),
        (When(expression='client.address != ""'), True),
        (When(expression="command.text == ''"), False),
    ],
)
def test_rules_that_look_at_where_a_client_is(when: When, looks: bool) -> None:
    assert looks_at_clients(when) is looks
