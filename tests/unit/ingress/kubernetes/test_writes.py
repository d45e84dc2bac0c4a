"""Writes that are refused whatever the rules say."""

import json

import pytest

from ingress.kubernetes.requested import read_request
from ingress.kubernetes.writes import refused_write
from ingress.web.call import Call
from ingress.web.paths import parse_target
from schemas.vocabulary import SensitiveColumn

SENSITIVE = (SensitiveColumn("secrets:$.data.*", "full"),)
DEV = "/api/v1/namespaces/dev"


@pytest.mark.parametrize(
    ("method", "path", "value", "is_refused"),
    [
        ("PUT", f"{DEV}/secrets/db", "W21hc2tlZF0=", True),
        ("PATCH", f"{DEV}/secrets/db", "[masked]", True),
        ("POST", f"{DEV}/secrets", "W21hc2tlZF0=", True),
        ("POST", f"{DEV}/secrets", "aHVzaA==", False),
        ("PUT", f"{DEV}/configmaps/x", "[masked]", False),
        ("DELETE", f"{DEV}/secrets/db", "[masked]", False),
    ],
)
def test_what_was_masked_is_not_written_back(method: str, path: str, value: str, is_refused: bool) -> None:
    target = parse_target(path)
    call = Call(method, target, (), json.dumps({"data": {"a": value}}).encode())
    assert (refused_write(call, read_request(method, target), SENSITIVE) is not None) == is_refused
