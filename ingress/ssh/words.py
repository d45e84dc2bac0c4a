"""What policy calls the commands of this protocol: the kinds that a rule's `statements` can name."""

from ingress.shell import EXEC, INTERACTIVE

SHELL = "shell"  # an interactive shell, as a whole
FORWARD = "forward"  # a connection made from the host
FORWARD_SOCKET = "forward_socket"  # to a socket of its file system
LISTEN = "remote_forward"  # a port of the host that leads to the client
LISTEN_SOCKET = "remote_forward_socket"
AGENT = "agent"  # the client's SSH agent, lent to the host
DISPLAY = "x11"  # the client's X11 display, lent to the host
TUNNEL = "tunnel"  # a network device of the host
ENVIRONMENT = "environment"  # a variable that is not on the resource's list
SUBSYSTEM = "subsystem"  # other than sftp
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
        FORWARD_SOCKET,
        LISTEN,
        LISTEN_SOCKET,
        AGENT,
        DISPLAY,
        TUNNEL,
        ENVIRONMENT,
        SUBSYSTEM,
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
