"""`countersign policies` as processes, before the api role alone: what is read, checked and refused."""

import json
from pathlib import Path

from support.api_role import Api
from support.builders import AGENT, DANA, POLICIES, Someone
from support.command_line import Ran, run_command


async def countersign(api: Api, folder: Path, someone: Someone, *arguments: str) -> Ran:
    return await run_command(
        folder, "policies", *arguments, COUNTERSIGN_URL=api.url, COUNTERSIGN_TOKEN=someone.token
    )


async def test_the_rules_in_force_are_shown_and_good(api: Api, tmp_path: Path) -> None:
    shown = await countersign(api, tmp_path, DANA, "show")
    assert shown.status == 0, shown.err
    assert all(policy["name"] in shown.out for policy in POLICIES)
    (tmp_path / "rules.yaml").write_text(shown.out)
    checked = await countersign(api, tmp_path, DANA, "check", "rules.yaml")
    assert (checked.status, checked.out) == (0, "rules.yaml: ok\n")


async def test_what_is_wrong_is_said_with_its_line(api: Api, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("policies:\n- {name: a, when: {intents: [reed]}, verdict: allow}\n")
    checked = await countersign(api, tmp_path, DANA, "check", "rules.yaml")
    assert checked.status == 1
    assert "draft:2: policies[0].when.intents[0]" in checked.err


async def test_who_may_not_publish_is_told_so(api: Api, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text("policies: []\n")
    for verb in ("propose", "simulate"):
        refused = await countersign(api, tmp_path, DANA, verb, "rules.yaml")
        assert refused.status == 1
        assert "gateway.policies names nobody" in refused.err
    listed = await countersign(api, tmp_path, DANA, "list", "--json")
    assert json.loads(listed.out) == []
    refused = await countersign(api, tmp_path, AGENT, "show")
    assert refused.status == 1
    assert "shown to persons" in refused.err
