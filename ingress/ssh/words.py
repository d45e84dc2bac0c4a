"""What policy calls the commands of this protocol: the kinds that a rule's `statements` can name."""

from ingress.shell import EXEC, INTERACTIVE

SHELL = "shell"  # an interactive shell, as a whole
FORWARD = "forward"  # a connection made from the host
READ_FILE = "sftp_read"
WRITE_FILE = "sftp_write"
LIST = "sftp_list"
STAT = "sftp_stat"
READ_LINK = "sftp_readlink"
REMOVE = "sftp_remove"
RENAME = "sftp_rename"
MAKE_DIRECTORY = "sftp_mkdir"
REMOVE_DIRECTORY = "sftp_rmdir"
SET_ATTRIBUTES = "sftp_setstat"
MAKE_SYMLINK = "sftp_symlink"
MAKE_LINK = "sftp_link"

STATEMENTS = frozenset(
    {
        EXEC,
        INTERACTIVE,
        SHELL,
        FORWARD,
        READ_FILE,
        WRITE_FILE,
        LIST,
        STAT,
        READ_LINK,
        REMOVE,
        RENAME,
        MAKE_DIRECTORY,
        REMOVE_DIRECTORY,
        SET_ATTRIBUTES,
        MAKE_SYMLINK,
        MAKE_LINK,
    }
)
