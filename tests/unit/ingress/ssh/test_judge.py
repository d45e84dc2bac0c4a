"""What events show of a command, and what its digest depends on."""

import itertools

import pytest

from ingress.ssh.judge import Judge, Subject

numbers = itertools.count()


def judge(user: str = "deploy") -> Judge:
    return Judge(Subject("agent-7", "web-1", user, ("card_number",)), lambda: str(next(numbers)))


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("mysql --password=hunter2 -e x", "hunter2"),
        ("export API_TOKEN=abc123; ls", "abc123"),
        ("curl -H 'Authorization: Bearer abc.def' http://x", "abc.def"),
        ("curl https://me:hunter2@example.com/", "hunter2"),
        ("sshpass -p hunter2 ssh x", "hunter2"),
        ("echo 4111111111111111", "4111111111111111"),
    ],
)
def test_secrets_of_a_command_are_sealed(text: str, hidden: str) -> None:
    command = judge().line(text, {}, {}, terminal=False)
    assert hidden not in command.text
    assert command.original == (text, ())


def test_a_digest_is_for_a_user_a_terminal_and_an_environment() -> None:
    commands = [
        judge().line("ls", {}, {}, terminal=False),
        judge("other").line("ls", {}, {}, terminal=False),
        judge().line("ls", {}, {}, terminal=True),
        judge().line("ls", {"LANG": "C"}, {}, terminal=False),
        judge().line("ls ", {}, {}, terminal=False),
    ]
    assert len({command.digest for command in commands}) == len(commands)


def test_the_reason_comes_from_the_comment() -> None:
    assert judge().line("ls # reason: looking", {}, {}, terminal=False).reason == "looking"
