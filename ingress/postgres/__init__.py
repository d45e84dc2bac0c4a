"""PostgreSQL, protocol 3.0: between a client that thinks we are its server and a server whose client we are.

- `opening.py`, `startup.py`: a client's first bytes: TLS, what it wants, its token.
- `target_connection.py`, `target_login.py`: the way to the target, and signing in to it.
- `endpoint.py`: both, and then a session.
- `codec.py`, `messages.py`: bytes <-> messages.
- `conversation.py`: the session, sans-IO. `client_side.py` makes groups of messages that need verdicts,
  `target_side.py` matches the target's answers; `namespace.py` knows the prepared statements and portals,
  `execution.py` what is held, sent and owed.
- `judge.py`: text -> command. `facts.py` and the files it uses prove what a statement does;
  `catalogue.py`, `catalogue_reader.py`, `catalogues.py` say what names mean.
- `results.py` and `results_*.py`, `scrub.py`: masking of answers and texts.
- `refusal.py`: what the client is told. `cancel_keys.py`: who may cancel what.
"""
