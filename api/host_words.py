"""What is asked of hosts and clusters, in words: the kinds of their commands (`statements` of SSH and
Kubernetes), and the verbs of requests to a cluster. Pure."""

from collections.abc import Mapping

from api.web.words import Weight

KINDS: Mapping[str, tuple[str, Weight] | None] = {
    "exec": None,  # its programs say it
    "interactive": ("takes commands of its own, which are not seen", "heavy"),
    "shell": ("opens a shell: what is typed into it is recorded, and not judged", "heavy"),
    "subsystem": ("starts a subsystem: what is said to it is not judged", "heavy"),
    "sftp_read": ("reads the file {}", "light"),
    "sftp_write": ("writes the file {}", "medium"),
    "sftp_list": ("lists {}", "light"),
    "sftp_stat": ("looks at {}", "light"),
    "sftp_readlink": ("reads where {} leads", "light"),
    "sftp_remove": ("removes the file {}", "heavy"),
    "sftp_rename": ("renames between {}", "medium"),
    "sftp_mkdir": ("makes the folder {}", "medium"),
    "sftp_rmdir": ("removes the folder {}", "heavy"),
    "sftp_setstat": ("changes size, owner, mode or times of {}", "medium"),
    "sftp_symlink": ("makes a symbolic link between {}", "medium"),
    "sftp_link": ("makes a hard link between {}", "medium"),
    "forward": ("connects to {} by way of the host: what passes is not seen", "heavy"),
    "forward_socket": ("connects to the host's socket {}: what passes is not seen", "heavy"),
    "remote_forward": ("lets the host's port {} lead to the client, unseen", "heavy"),
    "remote_forward_socket": (
        "lets the host's socket {} lead to the client, unseen",
        "heavy",
    ),
    "agent": ("lends the client's SSH agent to the host", "heavy"),
    "x11": ("lends the client's display to the host", "heavy"),
    "tunnel": ("opens a network tunnel to the host, {}: what passes is not seen", "heavy"),
    "environment": ("sets a variable of the host", "medium"),
    "attach": ("follows what a container writes", "light"),
    "port_forward": ("forwards ports of a pod: what passes is not seen", "heavy"),
}
"""Kind -> what it does, with its paths where it has a place for them, and how much that weighs."""

VERBS: Mapping[str, tuple[str, Weight]] = {
    "get": ("reads", "light"),
    "list": ("lists", "light"),
    "watch": ("watches", "light"),
    "create": ("creates", "medium"),
    "update": ("replaces", "medium"),
    "patch": ("changes", "medium"),
    "delete": ("deletes", "heavy"),
    "deletecollection": ("deletes all that match of", "heavy"),
}
