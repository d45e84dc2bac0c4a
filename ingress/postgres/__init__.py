"""PostgreSQL, protocol 3.0: between a client that thinks we are its server and a server whose client we are.

- `opening.py`, `startup.py`: a client's first bytes: TLS, what it wants, its token.
- `target_connection.py`, `target_login.py`: the way to the target, and signing in to it.
- `endpoint.py`: both, and then a session.
- `codec.py`, `messages.py`: bytes <-> messages. `encodings.py`: bytes of a text -> the text.
- `conversation.py`: the session, sans-IO. `client_side.py` makes groups of messages that need verdicts,
  `target_side.py` matches the target's answers; `namespace.py` knows the prepared statements and portals,
  `execution.py` what is held, sent and owed.
- `judge.py`: text -> command; `parameters.py`: what events show of bound parameters. `catalogue.py`,
  `catalogue_reader.py`, `catalogues.py`: what names mean there; `circumstances.py` asks the session itself.
- `facts.py`: what a statement does, proven. `tree.py` parses; `reading.py` is one statement being read,
  into `findings.py`; `utility.py` and `statements.py` find who reads it: `definitions.py`, `prepared.py`,
  `settings.py`, `code.py`, `survey.py`, `copy_options.py`, or, for rows, `queries.py`: `lineage.py`
  (SELECT), `outlets.py`, `changes.py`, `from_clause.py`, `expressions.py`, `scope.py`, `views.py`,
  `columns.py`. `aftermath.py` and `triggers.py` say what a change sets off, `objects.py` what a definition
  is about, `meaning.py` puts in one value what names mean. `functions.py`, `oracles.py`, `bounds.py`,
  `names.py`, `words.py` are what it knows beforehand; `literals.py` replaces what is sensitive in the text.
- `results.py` and `results_*.py`, `scrub.py` with `sqlstates.py`: masking of answers and texts.
- `beforehand.py`: what is settled with the target before a command is sent: `cost.py` asks its planner,
  `read_only.py` keeps it from writing; `own.py` is how the gateway asks anything on the client's connection.
- `limits.py`: where an answer stops, and what the client is told then.
- `reasons.py`: why a requester wants a command: comments, SET countersign.reason.
- `explanation.py`: why each column of an answer is or is not masked, for `countersign mask explain`.
- `refusal.py`: what the client is told. `cancel_keys.py`: who may cancel what.
"""
