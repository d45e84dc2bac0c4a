"""What a rule asks for and nobody can keep on a host: the command does not run."""

from dataclasses import replace

import pytest

from ingress.command import Command
from ingress.terminal.obligations import unkept
from schemas.vocabulary import Facts, Intent, LimitSource, Obligations, Stage

READ, SESSION, WRITE, UNKNOWN = Intent.READ, Intent.SESSION, Intent.WRITE, Intent.UNKNOWN


def command(*intents: Intent) -> Command:
    return Command("c", Stage.EXECUTE, "cat a", (), None, "d", (), Facts(intents, ("exec",)))


@pytest.mark.parametrize(
    ("obligations", "intents", "what"),
    [
        (Obligations(cost=1000.0), (READ,), "a limit of cost"),
        (Obligations(read_only=True), (WRITE,), "read_only"),
        (Obligations(read_only=True), (READ, UNKNOWN), "read_only"),
    ],
)
def test_it_is_refused_and_says_why(obligations: Obligations, intents: tuple[Intent, ...], what: str) -> None:
    refused = unkept(obligations, command(*intents))
    assert refused is not None
    assert what in refused.message
    assert "Nothing was executed" in refused.hint


@pytest.mark.parametrize(
    ("obligations", "intents"),
    [
        (Obligations(), (WRITE, UNKNOWN)),
        (Obligations(rows=1, bytes=1, seconds=1.0), (WRITE,)),
        (Obligations(read_only=True), (READ, SESSION)),
    ],
)
def test_what_can_be_kept_lets_it_run(obligations: Obligations, intents: tuple[Intent, ...]) -> None:
    assert unkept(obligations, command(*intents)) is None


@pytest.mark.parametrize(
    ("limit", "obligations"),
    [
        ("cost", Obligations(cost=1.0, limited_by=(LimitSource("cost", "cheap"),))),
        ("read_only", Obligations(read_only=True, limited_by=(LimitSource("read_only", "cheap"),))),
        ("block", Obligations(block=("iban",), limited_by=(LimitSource("block:iban", "cheap"),))),
    ],
)
def test_it_names_the_rule(limit: str, obligations: Obligations) -> None:
    refused = unkept(obligations, command(WRITE))
    assert refused is not None
    assert refused.rule == "cheap"
    assert limit in refused.message


def test_what_is_blocked_is_kept_where_it_is_looked_into() -> None:
    blocks = Obligations(block=("card_number",), limited_by=(LimitSource("block:card_number", "no cards"),))
    assert unkept(blocks, command(READ), guarded=True) is None
    said = replace(command(WRITE), text="echo ‹sealed›", original=("echo 4111111111111111", ()))
    refused = unkept(blocks, said, guarded=True)
    assert refused is not None
    assert refused.rule == "no cards"
    assert refused.message == "its text holds what the rule blocks: 1 card_number"
