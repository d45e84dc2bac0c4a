"""ClickHouse: the engine in this process behind ClickHouse's own HTTP interface, and the client of both.

Without an external ClickHouse, `main.py` is a process of its own that holds the data folder:

    a client's bytes -> server.py (HTTP) -> callers.py (who asks, what they may change)
        -> statements.py (what an auditor may not ask) -> embedded.py (chdb) -> formats.py, compression.py

- `main.py`: the role: opens the folder, listens, stops cleanly. `address.py`: where it listens for our roles.
- `server.py`: ClickHouse's HTTP interface as an ASGI application; `reply.py` is the answer to one request.
- `exchange.py`: the interface's words, pure: a request's parts, error codes to HTTP statuses.
- `body.py`: a request's body, decompressed, and the sign that its client has left.
- `callers.py`: name and password to a caller with settings; the gateway's own roles, and auditors.
- `statements.py`: what a statement is, pure: the part of an INSERT before its data, words not allowed.
- `formats.py`: which output formats can be cut into blocks, and how the pieces become one again; pure.
- `compression.py`: content encodings, and ClickHouse's own block compression.
- `embedded.py`: the engine: one process a folder, sessions, streams, inserts. `engine.xml` and `users.xml`
  are its configuration: caches, memory, and the grants that nobody has more than.
- `client.py`: `connect(config)`: what projections and the API use, for the embedded one and any other. The
  only clickhouse_connect import.
"""
