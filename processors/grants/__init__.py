"""From a reviewer's grant to the commands that it lets through, and to its end. Pure.

    approved with a grant, or an approved request for access ──GrantIssued──▶ in force
    in force ──a command it covers──▶ used, and the command runs
    in force ── GrantRevoked, its time, its uses ─▶ ended; what runs under it is cut off (CommandRevoked)

A grant stands for the review that rules ask for, and for nothing else: what a rule denies stays denied. It
is kept with its principal's other accounts, where all that they ask for is seen in one order
(docs/decisions/0022-grants-are-kept-with-the-account.md).

- `terms.py`: what may be granted, and what reviewers granted together.
- `issuing.py`: an approval that was settled -> GrantIssued, GrantRevoked.
- `access.py`: somebody asks for a window of time -> a request for review.
- `grant.py`: one grant: what it covers, its uses.
- `granted.py`: all grants of one principal: used, revoked, at their end.
"""
