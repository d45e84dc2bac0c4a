"""What of a terminal's input is recorded."""

from ingress.ssh.typed import HIDDEN, Typed


def test_what_is_typed_is_recorded_masked() -> None:
    typed = Typed(("card_number",))
    assert typed.write(b"4111111111111111\r") == "************1111\r"


def test_a_secret_that_is_asked_for_is_not() -> None:
    typed = Typed(())
    for asked in (
        b"[sudo] password for deploy: ",
        b"Enter passphrase for key '/x': ",
        b"PIN:",
        b"Password: ",
    ):
        typed.shows(b"some line\r\n" + asked)
        assert typed.write(b"hunter") == HIDDEN
        assert typed.write(b"2\r") == HIDDEN
        assert typed.write(b"ls\r") == "ls\r"


def test_an_earlier_line_hides_nothing() -> None:
    typed = Typed(())
    typed.shows(b"password changed\r\n$ ")
    assert typed.write(b"ls") == "ls"
