"""Kubernetes: between a client that thinks we are its cluster and a cluster whose client we are, on
`ingress/web/`.

- `endpoint.py`: the listener. `caller.py`: a client's connection, request by request.
- `requested.py`: method and path -> what is asked, by the API server's own rules. `judge.py`: -> the command.
  `facts.py`: what it does, with `kinds.py`, `manifests.py`; `words.py`: what policy calls it.
  `writes.py`: what is refused whatever the rules say.
- `clusters.py`: the configured clusters. `credentials.py`: as whom they are asked. `manner.py`: how a request
  is carried out; `accept.py`: in which form its answer is asked for.
- `sensitivity.py`: what of a kind is sensitive. `viewing.py`: what of an answer may leave.
- `streams.py`: exec, attach, port-forward, from handshake to end; `spdy.py`: and their old way.
  `channels.py`: what the messages of a WebSocket are. `keyboard.py`: what the client sends; `execution.py`: a
  command in a pod; `tunnel.py`: a forwarded port. `recording.py`: asciicast.
- `reasons.py`: why the requester wants it. `refusal.py`: what the client is told.
"""
