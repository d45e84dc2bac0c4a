"""HTTP on both sides, for the protocols that stand on it: between a client that thinks we are its server
and a server whose client we are.

- `listener.py`: a connection is accepted, with TLS or plainly. `requests.py`: its requests, one after the
  other.
- `stream.py`: bytes of one side. `client_side.py`, `target_side.py`: bytes <-> heads and bodies, by h11.
- `strict.py`: what of a head is refused before anything reads it; `paths.py`: a path as everybody reads it;
  `fields.py`: which header fields go through; `entity_tags.py`: and how those that are digests do;
  `reasons.py`: why the requester wants it.
- `call.py`: a request as it is judged. `bodies.py`: what its body says, with `form_data.py`.
- `visits.py`: sessions. `pursuit.py`: a request from its verdict to its end, in the manner of its protocol
  (`manner.py`); `limits.py`: what its rule limits. `answering.py`: its answer on the way; `sinks.py`: where
  it goes, and what the gateway itself says; `pauses.py`: streams that somebody watches.
- `handshake.py`: a WebSocket is opened, on both sides; `websocket.py`: its messages.
- `credentials.py`: the gateway's own at the target. `target_connection.py`, `exchange.py`: the way there, and
  one request.
- `doors.py`: whether the target can be reached past the gateway.
- `selectors.py`: which fields are sensitive. `answers/`: what of an answer may leave.
"""
