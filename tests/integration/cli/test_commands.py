import subprocess
import sys
from importlib import import_module

import pytest
from support.gateway import countersign
from typer.testing import CliRunner

from api.cli import COMMANDS


def _run(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(countersign(*arguments), input=stdin, capture_output=True, text=True, check=False)


def test_help_lists_every_command() -> None:
    done = _run("--help")
    assert done.returncode == 0
    assert [name for name in COMMANDS if name not in done.stdout] == []


def test_help_loads_no_command() -> None:
    """Nor what commands stand on: a shell that completes names should not wait."""
    script = (
        "import sys\n"
        "from api.cli import main\n"
        "sys.argv[1:] = ['--help']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'infra', 'schemas', 'ingress', 'processors', 'pydantic', 'aiokafka'}))\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("module", sorted({module for module, _ in COMMANDS.values()}))
def test_every_command_explains_itself(module: str) -> None:
    done = CliRunner().invoke(import_module(module).app, ["--help"])
    assert done.exit_code == 0
    assert "Usage:" in done.stdout


def test_one_of_several_commands_of_a_module_is_found() -> None:
    done = _run("projections", "--help")
    assert done.returncode == 0, done.stderr
    assert "countersign projections" in done.stdout


def test_a_command_that_is_not_there_is_wrong_usage() -> None:
    done = _run("frobnicate")
    assert done.returncode == 2
    assert "frobnicate" in done.stderr


def test_a_configuration_that_cannot_be_used_is_said_without_a_traceback() -> None:
    done = _run("api", "--config", "nowhere.yaml")
    assert done.returncode == 2
    assert done.stderr == "nowhere.yaml: cannot be read: No such file or directory\n"


def test_the_version_is_the_distributions() -> None:
    assert _run("--version").stdout.startswith("countersign ")
