"""PROGRAMS: the programs that are known, in groups of those that are alike. One that is not here, nor in
`wrappers.py` or `readers/`, is unknown.

Where no options are listed, every option of GNU's, BusyBox's and the BSDs' program keeps to what is said.
"""

from collections.abc import Mapping

from ingress.shell.arguments import Syntax
from ingress.shell.programs import Files, Program
from schemas.vocabulary import Intent

_READ = (Intent.READ,)
_WRITE = (Intent.WRITE,)
_ADMIN = (Intent.ADMIN,)
_NETWORK = (Intent.NETWORK,)
_CREDENTIAL = (Intent.CREDENTIAL,)
_SESSION = (Intent.SESSION,)


def _options(flags: str = "", valued: str = "", long: str = "", long_valued: str = "") -> Syntax:
    return Syntax(flags, valued, frozenset(long.split()), frozenset(long_valued.split()), numbers=True)


_GROUPS: tuple[tuple[str, Program], ...] = (
    # What prints, and opens no file by an operand.
    (
        "echo true false : pwd whoami uptime arch nproc tty seq sleep groups logname users",
        Program(_READ, Files.NONE),
    ),
    (
        "type which whereis getconf locale lscpu lsmem lsusb lspci lsblk free vmstat "
        "iostat mpstat uname pgrep pidof w who last lastlog netstat id basename dirname "
        "expr numfmt factor",
        Program(_READ, Files.NONE),
    ),
    ("ss", Program(_READ, Files.NONE, _options("tulnpaesimoxw460rH", long="--no-header --summary"))),
    ("printenv", Program((Intent.READ, Intent.CREDENTIAL), Files.NONE)),
    ("printf", Program(_READ, Files.NONE, Syntax())),
    (
        "date",
        Program(
            _READ, Files.NONE, _options("uRI", "d", "--utc --universal --iso-8601 --rfc-email", "--date")
        ),
    ),
    ("hostname domainname", Program(_READ, Files.NONE, _options("fsdiIA", long="--fqdn --short"), most=0)),
    ("top", Program(_READ, Files.NONE, _options("bcHiS", "noupd"))),
    # What reads the files it is given, and can do nothing else.
    (
        "cat head tail wc stat cmp diff comm paste join fold fmt expand unexpand column "
        "rev tac nl od hexdump strings cut md5sum sha1sum sha224sum sha256sum sha384sum "
        "sha512sum b2sum cksum sum base64 base32 readlink realpath zcat bzcat xzcat pr "
        "cal df",
        Program(_READ),
    ),
    (
        "tree",
        Program(_READ, syntax=_options("adfhilpsugDtrC", "LIP", "--du --dirsfirst --noreport"), here=True),
    ),
    ("ls dir vdir du", Program(_READ, here=True, recursive=("-R", "--recursive"))),
    (
        "grep egrep fgrep zgrep",
        Program(
            _READ,
            Files.AFTER_FIRST,
            here=True,
            recursive=("-r", "-R", "--recursive", "--dereference-recursive"),
        ),
    ),
    ("tr", Program(_READ, Files.NONE, _options("cCdst", long="--complement --delete --squeeze-repeats"))),
    (
        "uniq",
        Program(_READ, syntax=_options("cdDiuz", "fsw", "--count --repeated --unique --ignore-case"), most=1),
    ),
    (
        "sort",
        Program(
            _READ,
            syntax=_options(
                "bdfghiMnRrVcCmsuz",
                "ktS",
                "--numeric-sort --reverse --unique --human-numeric-sort --version-sort "
                "--ignore-case --stable --check",
                "--key --field-separator",
            ),
        ),
    ),
    ("xxd", Program(_READ, syntax=_options("abeipu", "cgls"), most=1)),
    ("file", Program(_READ, syntax=_options("biLkpr", long="--brief --mime --mime-type --mime-encoding"))),
    (
        "jq",
        Program(
            _READ,
            Files.AFTER_FIRST,
            _options(
                "cnrsSeaCMj",
                long="--raw-output --compact-output --slurp --exit-status --sort-keys --null-input",
            ),
        ),
    ),
    (
        "journalctl",
        Program(
            _READ,
            Files.NONE,
            _options(
                "abefkmnoqrx",
                "unSUptg",
                "--no-pager --follow --reverse --dmesg --all --user --system --utc --list-boots",
                "--unit --since --until --lines --output --priority --identifier --grep --boot",
            ),
        ),
    ),
    ("dmesg", Program(_READ, Files.NONE, _options("HTLkuxe", "l", "--human --ctime --kernel", "--level"))),
    ("lsof", Program(_READ, Files.NONE, _options("nPlbO", "ipucsad"))),
    ("[ test", Program(_READ, Files.NONE)),
    # What changes only the shell that runs it.
    (
        "exit return break continue shift wait umask times logout fg bg disown dirs",
        Program(_SESSION, Files.NONE),
    ),
    ("jobs", Program(_SESSION, Files.NONE, Syntax("lnprs"))),
    # What changes the files it is given.
    ("rm", Program(_WRITE, writes=True, recursive=("-r", "-R", "--recursive"))),
    ("rmdir mkdir touch unlink mkfifo truncate tee shred", Program(_WRITE, writes=True)),
    ("cp mv", Program(_WRITE, writes=True, recursive=("-r", "-R", "-a", "--recursive", "--archive"))),
    ("ln", Program(_WRITE, writes=True)),
    (
        "chmod chgrp chown chattr setfacl",
        Program(
            (Intent.WRITE, Intent.ADMIN), Files.AFTER_FIRST, writes=True, recursive=("-R", "--recursive")
        ),
    ),
    ("mktemp", Program(_WRITE, Files.NONE, _options("dqut", long="--directory"), most=0)),
    (
        "gzip gunzip bzip2 bunzip2 xz unxz",
        Program(
            _WRITE,
            syntax=_options("cdfkntqvlr", long="--keep --stdout --decompress --list"),
            writes=True,
            recursive=("-r",),
        ),
    ),
    ("install", Program(_WRITE, syntax=_options("cDdpv", "mogt"), writes=True)),
    # What decides on the system.
    (
        "shutdown reboot poweroff halt kill killall pkill mount umount swapon swapoff "
        "useradd userdel usermod groupadd groupdel groupmod adduser deluser addgroup "
        "delgroup iptables ip6tables nft ufw ifconfig route modprobe rmmod insmod sysctl "
        "hostnamectl timedatectl loginctl renice chsh chfn mkswap fdisk parted mkfs "
        "mkfs.ext4 mkfs.xfs wipefs lvm lvremove vgremove update-rc.d chkconfig init "
        "telinit",
        Program(_ADMIN, Files.NONE),
    ),
    (
        "service crontab at batch apt apt-get aptitude dpkg yum dnf rpm snap pip pip3 npm "
        "gem cargo make docker podman kubectl helm terraform ansible ansible-playbook "
        "chroot nsenter unshare systemd-run machinectl",
        Program((Intent.ADMIN, Intent.EXEC), Files.NONE, doubt="it runs what it is given, or has been given"),
    ),
    # What talks to others.
    ("ping ping6 traceroute tracepath dig nslookup host whois mtr arp arping", Program(_NETWORK, Files.NONE)),
    (
        "ssh nmap telnet nc ncat netcat sftp ftp lftp scp socat rclone aws gcloud az s3cmd mail sendmail",
        Program((Intent.NETWORK, Intent.EXPORT), Files.NONE, doubt="what it sends or fetches is not read"),
    ),
    # What makes or shows credentials.
    (
        "passwd chpasswd ssh-keygen ssh-add ssh-copy-id ssh-agent gpg gpg2 openssl vault "
        "pass security htpasswd keytool getent",
        Program(_CREDENTIAL, Files.NONE, doubt="it handles credentials"),
    ),
)

PROGRAMS: Mapping[str, Program] = {name: program for names, program in _GROUPS for name in names.split()}
