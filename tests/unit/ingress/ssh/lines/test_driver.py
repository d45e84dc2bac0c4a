"""What is sent to the shell is ASCII without control characters, but for its end."""

import re

from ingress.ssh.lines.driver import Driver, Keys, line_message, new_keys, report_message, start_command


def test_a_message_has_the_keys_and_the_text() -> None:
    sent = line_message(Keys("say", "hear"), Keys("next", "then"), "echo 'ä'\n\\n\x03\x1e")
    assert sent == rb"hear: next then echo '\0303\0244'\0012\0134n\0003\0036" + b"\x1e"


def test_a_line_is_never_taken_for_the_request_to_report() -> None:
    keys, following = new_keys(), new_keys()
    assert line_message(keys, following, "?") != report_message(keys, following)


def test_keys_are_not_repeated() -> None:
    made = [new_keys() for _ in range(50)]
    assert len({key for keys in made for key in (keys.say, keys.hear)}) == 100


def test_the_shell_is_started_without_files_of_the_user() -> None:
    command = start_command(Keys("say", "hear"))
    assert command.startswith("exec bash --noprofile --norc -p -c ")
    assert command.count("--norc") == 2


def _said(sent: bytes) -> str:
    """The key with which the shell answers a message."""
    return sent.split()[1].decode()


def test_a_turn_is_answered_once() -> None:
    sent: list[bytes] = []
    driver = Driver(sent.append)
    first = re.findall(r"[0-9a-f]{32}", driver.start)[0]
    mark = f"\x1b]133;D;0;{first};2f;\x07".encode()
    assert [type(part).__name__ for part in driver.feed(b"x" + mark + mark)] == ["bytes", "Mark"]


def test_a_message_that_was_not_heard_is_sent_again() -> None:
    sent: list[bytes] = []
    driver = Driver(sent.append)
    first = re.findall(r"[0-9a-f]{32}", driver.start)[0]
    mark = f"\x1b]133;D;0;{first};2f;\x07".encode()
    driver.feed(mark)
    driver.run("ls")
    assert driver.feed(mark) == []
    assert sent[0] == sent[1]
    answer = f"\x1b]133;D;1;{_said(sent[0])};2f;\x07".encode()
    assert len(driver.feed(answer)) == 1
    assert driver.feed(answer) == []
