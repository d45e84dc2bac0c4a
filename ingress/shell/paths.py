"""What a path of the host is, and which paths hold credentials or decide what others may do.

A path that is not absolute starts at the user's home: "~/notes". Names are compared as they stand: what a
symbolic link of the host makes of them cannot be seen in a command line.
"""

import posixpath
from fnmatch import fnmatchcase

_ROOTS_HOME = posixpath.join("/", "root")
_CREDENTIALS = (
    "/etc/shadow*",
    "/etc/gshadow*",
    "/etc/sudoers*",
    "/etc/sudoers.d/*",
    "/etc/ssh/*_key",
    "/etc/krb5.keytab",
    "/etc/ssl/private/*",
    "/etc/letsencrypt/*/*/*",
    "/etc/kubernetes/*",
    "/run/secrets/*",
    "/var/run/secrets/*",
    "/proc/*/environ",
    "/proc/*/mem",
    "/proc/*/cmdline",
    "/proc/*/fd/*",
    "/proc/*/r?ot/*",
    "/proc/*/cwd/*",
    "/proc/*/task/*",
    "/proc/kcore",
    "/proc/keys",
    "/dev/mem",
    "/dev/sd*",
    "/dev/nvme*",
    "/dev/vd*",
    "/dev/xvd*",
    "/dev/mapper/*",
    "/dev/dm-*",
    "/dev/disk/*",
    "/dev/fd/*",
    _ROOTS_HOME + "/*",
)
_ANYWHERE = (
    ".ssh/*",
    ".aws/*",
    ".kube/*",
    ".gnupg/*",
    ".docker/*",
    ".azure/*",
    ".config/gcloud/*",
    ".netrc",
    ".pgpass",
    ".my.cnf",
    ".git-credentials",
    ".vault-token",
    ".npmrc",
    ".pypirc",
    ".env",
    ".env.*",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.kdbx",
    "*.keytab",
    "id_rsa*",
    "id_ed25519*",
    "id_ecdsa*",
    "id_dsa*",
    "*_history",
    ".htpasswd",
    "*credential*",
    "*secret*",
    "*password*",
    "*passwd.bak",
    "terraform.tfstate*",
    "shadow",
    "shadow-",
)
# Who reads all beneath one of these reads credentials too.
_HOLD_CREDENTIALS = (
    "/",
    "/etc",
    "/etc/ssh",
    "/etc/ssl",
    "/home",
    "/home/*",
    _ROOTS_HOME,
    "/proc",
    "/proc/*",
    "/run",
    "/var",
    "/var/run",
    "/dev",
    "~",
    "~*",
)
# Who writes there changes what others, or the system, will run.
_RULING = (
    "/etc/*",
    "/usr/*",
    "/bin/*",
    "/sbin/*",
    "/lib*",
    "/boot/*",
    "/dev/*",
    "/proc/*",
    "/sys/*",
    "/var/spool/cron*",
    "/opt/*",
    _ROOTS_HOME + "/*",
)
_RULING_ANYWHERE = (
    ".ssh/*",
    ".bashrc",
    ".bash_*",
    ".profile",
    ".zsh*",
    ".zprofile",
    ".login",
    ".config/systemd/*",
    ".config/autostart/*",
    ".gitconfig",
    ".git/hooks/*",
    ".git/config",
    ".vimrc",
    ".inputrc",
    ".pam_environment",
    ".forward",
    ".rhosts",
    ".local/bin/*",
    "bin/*",
    ".config/*",
)
HARMLESS = frozenset(
    (
        "/dev/null",
        "/dev/zero",
        "/dev/stdin",
        "/dev/stdout",
        "/dev/stderr",
        "/dev/tty",
        "/dev/urandom",
        "/dev/full",
    )
)


def normal(value: str) -> tuple[str, str]:
    """A path as facts have it, and a doubt about it: "" for none."""
    doubt = ""
    if ".." in value.split("/"):
        doubt = "a path leads upwards, and past a symbolic link that may be anywhere"
    if value.startswith(("~+", "~-")):
        doubt = "a path begins where the shell is, or was"
    if value.startswith("/"):
        return "/" + posixpath.normpath(value).lstrip("/"), doubt
    if value.startswith("~"):
        return posixpath.normpath(value), doubt
    return posixpath.normpath(posixpath.join("~", value)), doubt


def is_relative(value: str) -> bool:
    return not value.startswith(("/", "~"))


def holds_credentials(path: str, *, recursive: bool = False) -> bool:
    """Whether a path, which may be a pattern, can be one that holds credentials."""
    if path in HARMLESS:
        return False
    if recursive:
        folder = path.removesuffix("/**") or "/"
        if any(_is_at(folder, pattern) for pattern in _HOLD_CREDENTIALS):
            return True
        path = path if path.endswith("/**") else path + "/**"
    return any(_can_meet(path, pattern) for pattern in _CREDENTIALS) or _anywhere(path, _ANYWHERE)


def rules(path: str) -> bool:
    """Whether writing there changes what others may do, or will run."""
    if path in HARMLESS:
        return False
    path += "/**"  # who replaces a folder replaces what is in it
    return any(fnmatchcase(path, pattern) for pattern in _RULING) or _anywhere(path, _RULING_ANYWHERE)


def _is_at(path: str, pattern: str) -> bool:
    return path.count("/") == pattern.count("/") and _can_meet(path, pattern)


def _anywhere(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether it ends in one of these, or lies beneath it."""
    parts = path.split("/")
    for pattern in patterns:
        length = pattern.count("/") + 1
        for start in range(len(parts) - length + 1):
            if _can_meet("/".join(parts[start : start + length]), pattern):
                return True
    return False


def _can_meet(path: str, pattern: str) -> bool:
    """Whether some name matches both, component by component."""
    ours, theirs = path.split("/"), pattern.split("/")
    if "**" in ours:
        ours = ours[: ours.index("**")]
        theirs = theirs[: len(ours)]
    return bool(ours) and len(ours) >= len(theirs) and all(map(_names_meet, ours, theirs))


def _names_meet(one: str, other: str) -> bool:
    if fnmatchcase(one, other) or fnmatchcase(other, one):
        return True
    if not (_is_pattern(one) and _is_pattern(other)):
        return False
    if other.startswith("*") and other.endswith("*"):
        # `*.log` may name one of those too, but so may every pattern: only what says so is taken for it.
        return other.strip("*") in one or not one.strip("*")
    if other.endswith("*"):
        return fnmatchcase(other.replace("*", ""), one)
    # Two patterns: their fixed beginnings and ends must not contradict each other.
    begin, end = _fixed(one)
    other_begin, other_end = _fixed(other)
    return (begin.startswith(other_begin) or other_begin.startswith(begin)) and (
        end.endswith(other_end) or other_end.endswith(end)
    )


def _is_pattern(name: str) -> bool:
    return not set(name).isdisjoint("*?[")


def _fixed(name: str) -> tuple[str, str]:
    first = min(name.find(wildcard) for wildcard in "*?[" if wildcard in name)
    last = max(name.rfind(wildcard) for wildcard in "*?[]" if wildcard in name)
    return name[:first], name[last + 1 :]
