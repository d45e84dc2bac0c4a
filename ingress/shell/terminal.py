"""Programs that take commands of their own where their input is a terminal."""

import re

from ingress.shell.script import Word

# Editors, pagers, monitors that kill, clients, interpreters, and what starts shells.
_INTERACTIVE_NAMES = (
    "vi vim nvim view vimdiff rvim nano pico emacs joe mg micro ed ex red less more most man info top "
    "htop atop iotop btop glances psql mysql mariadb sqlite3 redis-cli mongo mongosh sqlplus cqlsh ftp "
    "sftp lftp telnet nc ncat netcat ssh mosh slogin python pypy perl ruby irb node nodejs deno lua php "
    "ipython gdb lldb bc dc gnuplot octave R ghci scala jshell tmux screen script expect su login passwd "
    "crontab visudo vipw fdisk parted mc ranger watch systemd-run machinectl nsenter kubectl docker "
    "podman"
)
_INTERACTIVE = frozenset(_INTERACTIVE_NAMES.split())
_VERSION = re.compile(r"[\d.]+\Z")
_PAGED = frozenset(("git", "journalctl", "systemctl", "loginctl", "timedatectl", "hostnamectl"))

_BUILTINS_NAMES = (
    ". : [ [[ alias bg bind break builtin caller cd command compgen complete compopt continue coproc "
    "declare dirs disown echo enable eval exec exit export false fc fg getopts hash help history jobs "
    "kill let local logout mapfile popd printf pushd pwd read readarray readonly return set shift shopt "
    "source suspend test time times trap true type typeset ulimit umask unalias unset wait"
)
BUILTINS = frozenset(_BUILTINS_NAMES.split())
"""What the shell itself does (Bash Reference Manual, 4.1 and 4.2): it happens in no process of its own."""

_CHANGE_NAMES_NAMES = (
    ". source alias bind complete compopt coproc declare typeset enable exec fc getopts hash history let "
    "mapfile readarray shopt suspend trap unalias"
)
CHANGE_NAMES = frozenset(_CHANGE_NAMES_NAMES.split())
"""Of those, the ones that may change what a name means in the lines that follow, or where output goes."""


def is_interactive(name: str, arguments: tuple[Word, ...]) -> bool:
    """Whether a program takes commands at a terminal."""
    if name == "top" and any((word.value or "").startswith("-b") for word in arguments):
        return False
    return name.rpartition("/")[2] in _INTERACTIVE or _VERSION.sub("", name) in _INTERACTIVE


def may_page(name: str, arguments: tuple[Word, ...]) -> bool:
    """Whether a program starts a pager at a terminal, by itself."""
    return name in _PAGED and all(word.value != "--no-pager" for word in arguments)
