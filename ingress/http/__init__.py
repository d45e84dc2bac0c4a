"""HTTP APIs: between a client that thinks we are the API and an API whose client we are.

- `endpoint.py`: a connection is accepted, with TLS or plainly. `caller.py`: its requests, one after the
  other.
- `stream.py`: bytes of one side. `client_side.py`, `target_side.py`: bytes <-> heads and bodies, by h11.
- `strict.py`: what of a head is refused before anything reads it; `paths.py`: a path as everybody reads it;
  `fields.py`: which header fields go through.
- `call.py`: a request as it is judged. `judge.py`: request -> command. `facts.py`: what it does, with
  `bodies.py`, `graphql.py`, `openapi.py`; `reasons.py`: why the requester wants it.
- `visits.py`: sessions. `pursuit.py`: a request from its verdict to the end of its answer; `sinks.py`: where
  the answer goes; `deferred.py`: answers that are collected later.
- `apis.py`: the configured APIs. `credentials.py`, `oauth2.py`: the gateway's own there.
  `target_connection.py`, `exchange.py`: the way to them, and one request.
- `selectors.py`: which fields are sensitive. `answers/`: what of an answer may leave.
- `refusal.py`: what the client is told. `doors.py`: whether the API can be reached past the gateway.
"""
