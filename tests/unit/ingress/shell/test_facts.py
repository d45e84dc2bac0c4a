"""Command lines as people write them, and what is proven of them."""

import pytest

from ingress.shell.facts import analyse
from ingress.shell.place import Place
from schemas.vocabulary import Intent

KNOWN = {
    "ls -la /var/log": ("read", "ls", "/var/log"),
    "ls": ("read", "ls", "~"),
    "tail -n 50 /var/log/app.log | grep -i error | head -5": ("read", "grep head tail", "/var/log/app.log"),
    "head -n 5 notes.txt": ("read", "head", "~/notes.txt"),
    "cat $HOME/notes ~/other": ("read", "cat", "~/notes ~/other"),
    "df -h; free -m; uptime": ("read", "df free uptime", ""),
    "ps aux | sort -rn -k 3 | head": ("read", "head ps sort", ""),
    "systemctl status nginx --no-pager": ("read", "systemctl", ""),
    "sudo systemctl restart nginx": ("admin", "sudo systemctl", ""),
    "journalctl -u app --since today --no-pager": ("read", "journalctl", ""),
    "sed -n '1,20p' /etc/hosts": ("read", "sed", "/etc/hosts"),
    "awk '{print $1}' /var/log/app.log": ("read", "awk", "/var/log/app.log"),
    "find /srv -name '*.log' -mtime -1": ("read", "find", "/srv"),
    "find /srv/www -name '*.tmp' -exec rm {} +": ("bulk_write read write", "find rm", "/srv/www /srv/www/**"),
    "echo hi > /tmp/x": ("read write", "echo", "/tmp/x"),
    "ls /nowhere 2>/dev/null": ("read", "ls", "/nowhere"),
    "rm -rf /srv/x": ("bulk_write write", "rm", "/srv/x"),
    "rm /srv/x": ("write", "rm", "/srv/x"),
    "cp /srv/a /etc/nginx/nginx.conf": ("admin write", "cp", "/etc/nginx/nginx.conf /srv/a"),
    "cat /etc/shadow": ("credential read", "cat", "/etc/shadow"),
    "cat ~/.ssh/id_ed25519": ("credential read", "cat", "~/.ssh/id_ed25519"),
    "grep -r key /etc": ("credential read", "grep", "/etc"),
    "cd /var/log && tail app.log": ("read session", "cd tail", "/var/log/app.log ~/app.log"),
    "bash -c 'set -e; ls /tmp; rm /tmp/x'": ("read session write", "bash ls rm set", "/tmp /tmp/x"),
    "timeout 5 nice -n 3 cat /etc/hosts": ("read", "cat nice timeout", "/etc/hosts"),
    "curl -s https://example.com/health": ("network", "curl", ""),
    "git-upload-pack '/srv/x.git'": ("export read", "git-upload-pack", "/srv/x.git"),
    "rsync --server --sender -logDtpre.iLsfxCIvu . /srv/www": ("export read", "rsync", "/srv/www"),
    "/bin/sh -c 'echo ~ && sleep 0'": ("read", "echo sh sleep", ""),
    "jq -n env": ("credential read", "jq", ""),
    "# only a comment": ("session", "", ""),
}

UNKNOWN = {
    "curl -s http://x/y | sh": "what is decoded or downloaded is run by a shell",
    "echo cm0= | base64 -d | bash": "what is decoded or downloaded is run by a shell",
    "python3 run.py": "what python3 does is not known",
    "/tmp/ls": "what /tmp/ls does is not known",
    "X=1 ls": "a variable is set that can decide what runs",
    "cat $file": "which file it uses is computed",
    "ls (": "it does not parse as a command line of a shell",
    "ls\r": "it has control characters or white space that shells read differently",
    "sh script.sh": "sh: it runs a file that is not seen",
    "sudo -i": "sudo: the option -i is not known",
    "docker run x": "docker: it runs what it is given, or has been given",
    "cat ~+/x": "a path begins where the shell is, or was",
    "cat ../x": "a path leads upwards, and past a symbolic link that may be anywhere",
}


@pytest.mark.parametrize("text", KNOWN)
def test_what_is_proven(text: str) -> None:
    intents, programs, paths = KNOWN[text]
    facts = analyse(text).facts
    assert facts.unproven == ()
    assert (" ".join(facts.intents), " ".join(facts.programs), " ".join(facts.paths)) == (
        intents,
        programs,
        paths,
    )
    assert facts.statements == ("exec",)


@pytest.mark.parametrize("text", UNKNOWN)
def test_what_is_not_proven_is_unknown_and_says_why(text: str) -> None:
    facts = analyse(text).facts
    assert Intent.UNKNOWN in facts.intents
    assert UNKNOWN[text] in facts.unproven


def test_programs_of_an_unknown_command_are_still_seen() -> None:
    assert analyse("x=$(kill 1); [[ -n $(reboot) ]]").facts.programs == ("kill", "reboot")


def test_the_comment_at_the_end_is_handed_on() -> None:
    assert analyse("ls # reason: looking, ticket: OPS-1").comment == " reason: looking, ticket: OPS-1"


def test_shells_inside_shells_end_somewhere() -> None:
    text = "ls"
    for _ in range(12):
        text = "bash -c '" + text.replace("'", "'\\''") + "'"
    assert "shells are nested too deeply" in analyse(text).facts.unproven


def test_what_is_nested_deeply_is_not_followed_for_ever() -> None:
    assert Intent.UNKNOWN in analyse("(" * 3000 + "ls" + ")" * 3000).facts.intents


_TYPED = Place(has_terminal=True, is_shell=True, folder="/var/log")


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("cat app.log", ("/var/log/app.log",)),
        ("ls", ("/var/log",)),
        ("cd nginx && cat x", ("/var/log/nginx/x", "/var/log/x")),
        ("cat /etc/hosts ~/x", ("/etc/hosts", "~/x")),
    ],
)
def test_in_a_shell_a_path_begins_where_the_shell_is(text: str, paths: tuple[str, ...]) -> None:
    facts = analyse(text, _TYPED).facts
    assert facts.paths == paths
    assert Intent.UNKNOWN not in facts.intents


@pytest.mark.parametrize(
    "text", ["cd", "cd -", "cd ..", "cd nginx", "cd $x", "pushd /tmp", "fg", "sleep 1 &"]
)
def test_in_a_shell_to_go_somewhere_is_harmless(text: str) -> None:
    analysis = analyse(text, _TYPED)
    assert not analysis.changes_shell
    assert Intent.UNKNOWN not in analysis.facts.intents


@pytest.mark.parametrize("text", ["cd - && cat x", "cd .. ; cat x", "popd; rm x"])
def test_what_follows_in_a_folder_that_is_not_known_is_not_proven(text: str) -> None:
    assert Intent.UNKNOWN in analyse(text, _TYPED).facts.intents


def test_nothing_relative_is_proven_where_the_folder_is_not_known() -> None:
    for folder in ("", "/tmp/a*b", "/tmp/\n"):
        place = Place(has_terminal=True, is_shell=True, folder=folder)
        assert Intent.UNKNOWN in analyse("cat x", place).facts.intents
        assert Intent.UNKNOWN not in analyse("cat /x", place).facts.intents


@pytest.mark.parametrize(
    "text",
    [
        "alias ls=rm",
        "ls() { rm x; }",
        "source x",
        ". x",
        "exec 3> x",
        "exec < x",
        "PATH=/tmp",
        "export PATH=/tmp",
        "trap 'ls' EXIT",
        "shopt -s x",
        "enable -f x y",
        "hash -p x ls",
        "command alias x=y",
        "builtin source x",
        'eval "$x"',
        "$x",
        "set -o vi",
        "set",
        "echo $__cs_keys",
        "printf -v PATH x",
        "read PATH",
        "{ alias ls=rm; }",
    ],
)
def test_what_may_change_what_names_mean_is_known(text: str) -> None:
    assert analyse(text, _TYPED).changes_shell


@pytest.mark.parametrize(
    "text",
    ["ls", "make", "sudo make install", "./x", "sh -c 'alias a=b'", "x=1", "export LANG=C", "vim", "kill %1"],
)
def test_what_happens_in_a_process_of_its_own_changes_nothing(text: str) -> None:
    assert not analyse(text, _TYPED).changes_shell


def test_in_a_changed_shell_nothing_is_proven() -> None:
    place = Place(has_terminal=True, is_shell=True, folder="/", changed=True)
    assert Intent.UNKNOWN in analyse("ls", place).facts.intents


@pytest.mark.parametrize(
    "text", ["vi x", "less x", "top", "python3.11", "psql", "bash", "sudo su", "ssh x", "watch ls"]
)
def test_what_takes_commands_at_a_terminal_is_interactive(text: str) -> None:
    facts = analyse(text, _TYPED).facts
    assert facts.statements == ("exec", "interactive")
    assert {Intent.EXEC, Intent.UNKNOWN} <= set(facts.intents)
    assert "interactive" not in analyse(text).facts.statements


def test_at_a_terminal_a_pager_takes_commands() -> None:
    terminal = Place(has_terminal=True)
    for text in ("git log", "journalctl", "systemctl status x"):
        assert Intent.UNKNOWN in analyse(text, terminal).facts.intents
        assert Intent.UNKNOWN not in analyse(text).facts.intents
        assert Intent.UNKNOWN not in analyse(text, _TYPED).facts.intents
    assert Intent.UNKNOWN not in analyse("journalctl --no-pager", terminal).facts.intents


def test_to_show_all_variables_shows_credentials() -> None:
    for text in ("set", "export", "readonly"):
        assert Intent.CREDENTIAL in analyse(text).facts.intents
