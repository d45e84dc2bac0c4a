"""Whether a shell would ask for more."""

import pytest

from ingress.ssh.lines.complete import is_complete

_WHOLE = [
    "ls",
    "echo 'a b'",
    'echo "a $(ls) b"',
    "echo hi # it's",
    "if true; then echo; fi",
    "for x in a b; do echo $x; done",
    "case x in a) echo;; esac",
    "cat <<X\na\nX",
    "cat <<'X' | wc\na'\nX",
    "f() { ls; }",
    "echo ${x:-y}",
    "echo ${x}",
    "(ls)",
    "echo $((1+2))",
    "echo done",
    "echo if",
    "a && b",
    "sleep 1 &",
    "while read x; do echo; done < f",
    "{ ls; }",
    "echo \\'",
    "[ a = b ] || c",
    "echo $'a\\'b'",
    "echo }",
    "cat <<-X\n\ta\n\tX",
    "echo `ls`",
    'echo "`ls`"',
    "echo ${x/'a'/b}",
    "cat <<A <<B\n1\nA\n2\nB",
    ")",
    "echo a)",
    "x=(a b)",
    "echo $",
    "if a; then b; elif c; then d; else e; fi",
    'echo "$(echo "x")"',
    "ls |\nwc",
    "a;;",
    "echo \\\nb",
    "fi",
]
_GOES_ON = [
    "echo 'a",
    'echo "a',
    "echo a \\",
    "ls |",
    "ls &&",
    "ls ||",
    "if true",
    "if true; then",
    "for x in a",
    "while :; do",
    "cat <<X",
    "cat <<X\na",
    "(ls",
    "echo $(ls",
    "{ ls",
    "f() {",
    "case x in",
    "echo `ls",
    "echo ${x",
    'echo "$(ls',
    "echo $((1+2",
    "if a; then b; else",
    "echo $'a",
    "ls | # x",
    "x=(a",
    "cat <<A <<B\n1\nA\n2",
]


@pytest.mark.parametrize("text", _WHOLE)
def test_a_whole_command_is_complete(text: str) -> None:
    assert is_complete(text)


@pytest.mark.parametrize("text", _GOES_ON)
def test_what_is_open_goes_on(text: str) -> None:
    assert not is_complete(text)


def test_any_beginning_of_anything_is_read() -> None:
    text = "\n".join((*_WHOLE, *_GOES_ON))
    for end in range(len(text)):
        is_complete(text[:end])
