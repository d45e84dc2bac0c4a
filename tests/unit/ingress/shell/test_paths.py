"""Which paths hold credentials, also as patterns, and which decide what others may do."""

import pytest

from ingress.shell.paths import holds_credentials, normal, rules


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow",
        "/etc/sh*w",
        "/etc/*",
        "~/.ssh/id_rsa",
        "~/.s*/*",
        "~/.ssh/**",
        "/srv/app/.env",
        "/srv/*/*.pem",
        "/proc/1/environ",
        "/proc/self/cwd/etc/hosts",
    ],
)
def test_credentials(path: str) -> None:
    assert holds_credentials(path)


@pytest.mark.parametrize(
    "path", ["/etc/hosts", "/var/log/*.log", "~/notes", "/dev/null", "/srv/www/index.html"]
)
def test_no_credentials(path: str) -> None:
    assert not holds_credentials(path)


def test_a_bracket_that_nothing_closes_is_a_character() -> None:
    assert not holds_credentials("/srv/\x1b[31m")
    assert not rules("/srv/a[b")


def test_who_reads_all_beneath_reads_what_is_there() -> None:
    assert holds_credentials("/etc", recursive=True)
    assert holds_credentials("~/.ssh", recursive=True)
    assert not holds_credentials("/etc")
    assert not holds_credentials("/srv/www", recursive=True)


@pytest.mark.parametrize("path", ["/etc/cron.d/x", "~/.bashrc", "~/.ssh", "/usr/bin/ls", "~/bin/ls"])
def test_who_writes_there_rules(path: str) -> None:
    assert rules(path)


def test_who_writes_elsewhere_does_not() -> None:
    assert not rules("/srv/www/x")


def test_paths_have_one_form() -> None:
    assert normal("notes") == ("~/notes", "")
    assert normal("//etc/./hosts") == ("/etc/hosts", "")
    assert normal("~/x/") == ("~/x", "")
    assert normal("/srv/../etc/hosts")[1]
