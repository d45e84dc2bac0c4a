"""Lines become commands; what is typed ahead waits."""

from ingress.ssh.lines.editor import End
from ingress.ssh.lines.prompt import Prompt


def prompt(typed: bytes) -> Prompt:
    made = Prompt(80)
    made.begin("$ ")
    made.type(typed)
    return made


def test_a_command_goes_on_until_it_is_whole() -> None:
    typed = prompt(b"for x in a; do\r")
    shown, ended = typed.work()
    assert (ended, shown.endswith(b"> ")) == (None, True)
    typed.type(b"ls\rdone\r")
    assert typed.work()[1] == "for x in a; do\nls\ndone"


def test_lines_that_were_typed_ahead_come_one_by_one() -> None:
    typed = prompt(b"one\r\rtwo\r")
    assert typed.work()[1] == "one"
    typed.begin("$ ")
    assert typed.work()[1] == "two"


def test_what_nobody_read_comes_before_what_was_typed_since() -> None:
    typed = prompt(b"b\r")
    typed.put_back(b"a")
    assert typed.work()[1] == "ab"


def test_control_c_and_d_leave_a_command_that_goes_on() -> None:
    for key in (b"\x03", b"\x04"):
        typed = prompt(b"echo 'a\r" + key + b"ls\r")
        assert typed.work()[1] == "ls"
    assert prompt(b"\x04").work()[1] is End.END_OF_INPUT


def test_what_was_typed_ahead_can_be_forgotten() -> None:
    typed = prompt(b"touch x\r")
    typed.forget()
    assert typed.work()[1] is None
