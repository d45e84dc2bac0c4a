"""The gateway's own MCP server, at /mcp of the API: for agents without drivers, and reviewers' assistants.

It is a client of the gateway like any other, with the caller's own token: commands go to the listeners that
every client uses, what reviewers do to the API that their page uses. Nothing is decided here.

- `server.py`: its tools. `mount.py`: the way to it, for those who sign in.
- `listeners.py`: the gateway's listeners as a client meets them; `hosts.py`: that of SSH. `runs.py`: commands
  that wait for reviewers.
- `own_api.py`: the API as a caller meets it.
"""
