"""The promise of files.py: nothing reaches the gateway's own files."""

import inspect

import asyncssh

from ingress.ssh.files import Files

# What asyncssh's own class does without a file: names of users, of paths, of the connection.
_HARMLESS = {
    "channel", "connection", "env", "logger", "convert_attrs", "format_user", "format_group", "map_path",
    "reverse_map_path", "lock", "unlock",
}  # fmt: skip


def test_every_method_that_touches_files_is_ours() -> None:
    theirs = {name for name, _ in inspect.getmembers(asyncssh.SFTPServer) if not name.startswith("_")}
    assert theirs - set(vars(Files)) == _HARMLESS
