"""One SQL statement, read: what it does, proven, and what its names mean. Used by `facts.py` and `judge.py`.

- `tree.py` parses. `reading.py` is one statement being read, into `findings.py`.
- `utility.py` and `statements.py` find who reads it: `definitions.py` (with `objects.py`: what goes with an
  object, and `outlets.py`: what a definition lets out), `prepared.py`, `settings.py`, `code.py`, `survey.py`;
- or, for rows, `queries.py`: `lineage.py` (SELECT), `changes.py` (with `aftermath.py`: what it sets off,
  and `triggers.py`), over `from_clause.py`, `expressions.py`, `scope.py`, `views.py`, `columns.py`.
- `comparisons.py`: where a token stands for its value; `held.py`: what is known of tokens. `type_names.py`.
- `functions.py`, `oracles.py`, `bounds.py`, `names.py`, `words.py`: what is known beforehand.
- `needs.py`: the privileges at the target that it needs.
- `meaning.py`: what the names of a statement mean, as one value. `literals.py`: replaces what is sensitive in
  the text. `pattern.py`: the text without comments and values.
"""
