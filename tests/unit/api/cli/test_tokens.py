import pytest
from typer.testing import CliRunner

from api.cli.tokens import app
from infra.identity import token_matches

_TOKEN = "a-token-nobody-guesses"


def test_the_hash_is_one_the_gateway_knows_the_token_by() -> None:
    done = CliRunner().invoke(app, input=_TOKEN + "\n")
    assert done.exit_code == 0
    assert token_matches(_TOKEN, done.stdout.strip())
    assert _TOKEN not in done.output


@pytest.mark.parametrize("token", ["", "short", "with spaces in the middle of it"])
def test_a_token_that_is_none_is_refused_and_not_repeated(token: str) -> None:
    done = CliRunner().invoke(app, input=token)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "at least 16 characters" in done.stderr
    assert not token or token not in done.stderr
