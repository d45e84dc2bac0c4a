"""What policy calls the streams of this protocol: the kinds that a rule's `statements` can name."""

from ingress.shell import EXEC

SHELL = "shell"  # an interactive shell, as a whole
ATTACH = "attach"
PORT_FORWARD = "port_forward"

STATEMENTS = frozenset({EXEC, SHELL, ATTACH, PORT_FORWARD})
