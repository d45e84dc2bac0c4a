"""What is sent to the shell is ASCII without control characters, but for its end."""

from ingress.ssh.lines.driver import Keys, line_message, new_keys, report_message, start_command


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
