"""What two readers could read in two ways reaches no target: the corpus of smuggling.yaml, by raw sockets."""

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from support.builders import AGENT
from support.gateway import Gateway
from support.raw_http import say
from support.web_api import WebApi

CASES = [
    (section, case, found["status"])
    for section, found in YAML(typ="safe").load(Path(__file__).with_name("smuggling.yaml")).items()
    for case in found["cases"]
]


def test_there_are_enough() -> None:
    names = [f"{section}: {case['name']}" for section, case, _ in CASES]
    assert len(set(names)) == len(names) >= 90


@pytest.mark.parametrize(
    ("case", "status"),
    [(case, status) for _, case, status in CASES],
    ids=[f"{section}: {case['name']}" for section, case, _ in CASES],
)
def test_it_is_refused_or_read_in_one_way(
    case: dict[str, Any], status: int, gateway: Gateway, web_api: WebApi
) -> None:
    web_api.reset()
    text = case["raw"] if "raw" in case else "\r\n".join(case["send"])
    auth = f"Host: {gateway.listen['http']}\r\nX-Countersign-Token: {AGENT.token}"
    text = text.replace("{auth}", auth).replace("{token}", AGENT.token).replace("{origin}", web_api.origin)
    came = say(gateway.listen["http"], text.encode("latin-1"))
    assert (came.status, came.answers) == (status, 1), came.data
    seen = web_api.seen()
    assert not any("smuggled" in one["path"] for one in seen)
    assert len(seen) == (1 if status == 200 else 0)
    if status != 200:
        assert b"application/problem+json" in came.data
        assert b"onnection: close" in came.data
