"""What events show of a command, and what its digest depends on."""

import itertools

import pytest

from ingress.ssh.judge import PLACEHOLDER, Judge, Subject
from schemas.vocabulary import Intent

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


@pytest.mark.parametrize(
    "text",
    [
        "cat /srv/4111111111111111.txt",
        "cat /srv/41111111''11111111",
        "echo x > 4111111111111111",
        "4111111111111111 x",
    ],
)
def test_what_detectors_find_in_names_is_in_no_fact(text: str) -> None:
    facts = judge().line(text, {}, {}, terminal=False).facts
    assert "4111111111111111" not in repr(facts)
    assert "************1111" in repr(facts)


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


def test_a_pattern_is_the_very_line_but_for_the_comment_that_says_why() -> None:
    def of(text: str, **more: str) -> tuple[str, str]:
        command = judge().line(text, more, {}, terminal=False)
        return command.pattern, command.fingerprint

    first = of("systemctl restart nginx # reason: it hangs")
    assert first[0] == "systemctl restart nginx"
    assert of("systemctl restart nginx # reason: again") == first
    assert of("systemctl restart nginx") == first
    others = [
        of("systemctl restart nginx2"),
        of("systemctl  restart nginx"),
        of("systemctl restart nginx", LANG="C"),
        of("systemctl restart nginx # reason: x\nrm -rf /tmp/x"),
        of("systemctl restart 'nginx # reason: x'"),
        of("systemctl restart nginx \\# reason: x"),
    ]
    assert first[1] not in {fingerprint for _, fingerprint in others}
    assert of("mysql --password=hunter2") == ("", ""), "a reviewer cannot see all of it"


def test_a_variable_with_a_secret_is_sealed_where_it_goes_along() -> None:
    command = judge().line("deploy", {"API_TOKEN": "hunter2", "LANG": "C"}, {}, terminal=False)
    assert {item.name: item.value for item in command.context if item.name.startswith("env ")} == {
        "env API_TOKEN": PLACEHOLDER,
        "env LANG": "C",
    }
    assert command.fingerprint == "", "another secret would be another command"


def test_a_subsystem_is_a_program_that_is_not_known() -> None:
    command = judge().subsystem("netconf", {}, {"COUNTERSIGN_REASON": "looking"})
    assert command.text == "subsystem netconf"
    assert command.facts.programs == ("netconf",)
    assert Intent.UNKNOWN in command.facts.intents
    assert command.reason == "looking"
