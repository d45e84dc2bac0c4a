"""HTTP APIs: between a client that thinks we are the API and an API whose client we are, on `ingress/web/`.

- `endpoint.py`: the listener. `caller.py`: a client's connection, request by request.
- `judge.py`: request -> command. `facts.py`: what it does, with `graphql.py`, `openapi.py`.
- `apis.py`: the configured APIs. `oauth2.py`: tokens for them; `aws.py`: signatures. `manner.py`: how a
  request is carried out.
- `deferred.py`: answers that are collected later. `refusal.py`: what the client is told.
- `sockets.py`: a WebSocket, from its handshake on; `talk.py`: what is said over it. `words.py`: what policy
  calls it.
"""
