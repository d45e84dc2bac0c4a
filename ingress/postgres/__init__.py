"""PostgreSQL, protocol 3.0: between a client that thinks we are its server and a server whose client we are.

- `opening.py`, `startup.py`: a client's first bytes: TLS, what it wants, its token.
- `oauth.py`: clients that sign in with OAuth.
- `target_connection.py`, `target_login.py`: the way to the target, and signing in to it.
- `accounts.py`: as whom it signs in; `roles.py`: a role at the target for each session, `command_roles.py`:
  for a command that people approved; `narrowing.py`: which do, and how the session gets in and out of it.
- `endpoint.py`: both, and then a session.
- `codec.py`, `messages.py`: bytes <-> messages. `encodings.py`: bytes of a text -> the text.
- `conversation.py`: the session, sans-IO. `client_side.py` makes groups of messages that need verdicts,
  `target_side.py` matches the target's answers: `delivery.py` passes their rows on, `effects.py` keeps what
  commands changed of the session; `namespace.py` knows the prepared statements and portals,
  `execution.py` what is held, sent and owed.
- `replication.py`: the session of a replication connection.
- `judge.py`: text -> command; `parameters.py`: what events show of bound parameters.
- `catalogue.py`: what names mean there, `catalogue_items.py`: what it lists; `catalogues.py` keeps one a
  database, `catalogue_reader.py` reads it, `catalogue_changes.py` says what of it is to be read again,
  `catalogue_making.py` makes it. `circumstances.py` asks the session itself.
- `facts.py`: what a statement does, proven; `sql/` reads it.
- `results.py`: what of an answer may leave; `answers/` masks it; `maskers.py` puts that in place, as a
  verdict obliges.
- `revealing.py`: values in the place of tokens, in what is sent to the target; `token_arrays.py`: arrays of
  them.
- `beforehand.py`: what is settled with the target before a command is sent: `cost.py` asks its planner,
  `read_only.py` keeps it from writing; `own.py` is how the gateway asks anything on the client's connection.
- `again.py`: what is judged once more, since its names mean something else when its turn comes;
  `unchanged.py`: a command fails where they do once it holds their locks.
- `series.py`: what was sent since the last Sync; `surroundings.py`: what goes to the target around a command.
- `bearings.py`: what names mean to the session now; `impact.py`: what the planner thinks of what waits.
- `transaction.py`: what runs in the open transaction; `ending.py`: how its COMMIT is asked about
  where something ran before its review, with some of its rows (`sampling.py`, `beside.py`).
- `limits.py`: where an answer stops, and what the client is told then.
- `reasons.py`: why a requester wants a command: comments, SET countersign.reason.
- `doors.py`: whether the target can be entered past the gateway, for `countersign doctor`.
- `explanation.py`: why each column of an answer is or is not masked, for `countersign mask explain`.
- `refusal.py`: what the client is told; `refused.py`: what takes the place of what is not sent.
- `cancel_keys.py`: who may cancel what.
"""
