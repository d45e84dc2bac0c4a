from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.check import app

_GOOD = """\
resources:
  - {name: orders, protocol: postgres, address: "db:5432", credentials: {user: app}}
policies:
  - {name: reads, when: {intents: [read]}, verdict: allow}
  - {name: drops, when: {statements: [drop_table]}, verdict: deny}
"""


def _check(folder: Path, text: str) -> tuple[int, str, str]:
    path = folder / "countersign.yaml"
    path.write_text(text)
    done = CliRunner().invoke(app, ["--config", str(path)])
    return done.exit_code, done.stdout, done.stderr.replace(str(folder), "")


def test_a_good_one_is_counted(tmp_path: Path) -> None:
    code, said, _ = _check(tmp_path, _GOOD)
    assert code == 0
    assert said.strip().endswith("countersign.yaml: ok: 1 resource, 2 policies, 0 users")


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        (
            _GOOD.replace("postgres", "postgrs"),
            "/countersign.yaml:2: resources[0].protocol: expected a protocol, "
            "one of http, kubernetes, postgres, ssh; found 'postgrs'",
        ),
        (_GOOD.replace("drop_table", "drop_tabel"), "/countersign.yaml:5: policies[1].when.statements[0]:"),
        (
            _GOOD.replace("intents: [read]", 'expression: "1 +"'),
            "/countersign.yaml: policies: reads: when.expr",
        ),
        (_GOOD.replace("verdict: allow", "verdict: maybe"), "/countersign.yaml:4: policies[0].verdict:"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, wrong: str, expected: str) -> None:
    code, said, complained = _check(tmp_path, wrong)
    assert code == 1
    assert said == ""
    assert complained.startswith(expected)


def test_each_mistake_has_a_line(tmp_path: Path) -> None:
    wrong = _GOOD.replace("postgres", "postgrs").replace("drop_table", "drop_tabel")
    _, _, complained = _check(tmp_path, wrong)
    assert len(complained.splitlines()) == 2


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "other.yaml"
    path.write_text(_GOOD)
    done = CliRunner(env={"COUNTERSIGN_CONFIG": str(path)}).invoke(app, [])
    assert done.exit_code == 0
    assert "other.yaml: ok" in done.stdout
