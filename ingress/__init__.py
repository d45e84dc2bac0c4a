"""Client bytes -> command -> verdict -> target -> masked bytes.

A client's connection, from the first byte: a protocol's endpoint signs it in (`login.py`) and connects the
target; from then on `connection.py` moves bytes between the two channels (`channel.py`) and the session
(`session.py`), which feeds the protocol's sans-IO conversation and carries out what it asks for.

- `inquiry.py`: the same for protocols whose library does the I/O: a coroutine awaits a command's verdict.
- `interface.py`: what a conversation asks for and is told; what a protocol provides.
- `protocols.py`: PROTOCOLS: a new protocol is its folder, `postgres/`, `ssh/`, `http/` or `kubernetes/`, and
  one line. `mcp/`: MCP servers, which `http/` serves.
  What several stand on: `web/` (HTTP), `shell/` (command lines), `terminal/` (output).
- `command.py`, `gate.py`: a held command; what may happen to it, as a table; the checks of a verdict.
- `verdicts.py`: this node's partition of `verdicts`.
- `outbox.py`: events on their way to Kafka; `recorder.py`: the session's recording.
- `errors.py`: whose fault it was.
- `main.py`: the role.

The order that keeps it safe: the request is published, then the verdict is heard, then the gate checks
digest and expiry, then the command is sent, once. Whatever fails in between refuses the command.
"""
