import asyncssh
import pytest

from ingress.ssh.operations import operation_facts, operation_text, unguardable
from schemas.vocabulary import Intent

READ, WRITE = {Intent.READ}, {Intent.WRITE}


@pytest.mark.parametrize(
    ("intents", "paths", "attrs", "found"),
    [
        (READ, ["/srv/a"], None, "read"),
        (READ, ["/etc/shadow"], None, "credential read"),
        (READ, ["/home/me/.ssh/id_ed25519"], None, "credential read"),
        (WRITE, ["/srv/a", "/srv/b"], None, "write"),
        (WRITE, ["/etc/cron.d/b", "/srv/a"], None, "admin write"),
        (WRITE, ["/srv/a"], asyncssh.SFTPAttrs(permissions=0o4755), "admin write"),
        (WRITE, ["/srv/a"], asyncssh.SFTPAttrs(uid=0, gid=0), "admin write"),
        (WRITE, ["/srv/a"], asyncssh.SFTPAttrs(permissions=0o644), "write"),
    ],
)
def test_intents(
    intents: set[Intent], paths: list[str], attrs: asyncssh.SFTPAttrs | None, found: str
) -> None:
    facts = operation_facts("sftp_write", intents, paths, attrs)
    assert " ".join(facts.intents) == found
    assert (facts.statements, facts.paths) == (("sftp_write",), tuple(paths))


def test_text() -> None:
    assert operation_text("sftp_rename", ["/srv/a b", "/srv/c"], None) == "sftp rename '/srv/a b' /srv/c"
    attrs = asyncssh.SFTPAttrs(permissions=0o100640)
    assert operation_text("sftp_setstat", ["/srv/a"], attrs) == "sftp setstat /srv/a mode 0640"


def test_what_could_not_be_looked_into() -> None:
    both = operation_facts("sftp_write", {Intent.READ, Intent.WRITE}, ["/a"], None)
    one = operation_facts("sftp_write", {Intent.WRITE}, ["/a"], None)
    assert "reading and writing at once" in unguardable(both, None)
    assert "size" in unguardable(one, asyncssh.SFTPAttrs(size=16))
    assert unguardable(one, asyncssh.SFTPAttrs(permissions=0o644)) == ""
