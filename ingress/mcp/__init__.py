"""MCP servers behind the gateway (streamable HTTP): the commands are calls of tools. On `ingress/web/`;
clients come by the listener of HTTP resources.

- `caller.py`: a request of a client's connection, as `asked.py` has it; `carrier.py` carries it out.
- `messages.py`: JSON-RPC, read strictly; `words.py`: the methods there are.
- `facts.py`: what a message does; `uris.py`: the addresses of resources; `judge.py`: message -> command.
- `definitions.py`: tools as the server described them first, and what has changed; `pins.py`: kept on disk.
- `servers.py`: the configured ones. `bindings.py`: sessions and positions in streams, each its principal's;
  `sent.py`: ids of requests under way.
- `manner.py`: how a request is carried out; `headers.py`, `answers.py`: which header fields go through.
- `masking.py`: a message without what is sensitive; `viewing.py`: answers of messages; `events.py`: streams.
- `held.py`: calls that wait for reviewers, and who waits for them. `listing.py`: the tools somebody may call.
- `refusal.py`: what the client is told.
"""
