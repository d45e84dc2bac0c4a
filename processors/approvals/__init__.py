"""From a request for review to its one verdict. Pure; the log of `approvals` is the truth.

    ApprovalRequested ──▶ pending ──┬─ enough approvals ──▶ ApprovalSettled(approved)
                                    ├─ one rejection ─────▶ ApprovalSettled(rejected)
                                    ├─ the requester left ▶ ApprovalSettled(withdrawn)
                                    └─ nobody in time ────▶ ApprovalSettled(timed_out)
    approved ── revoked ─▶ ApprovalSettled(revoked) ─▶ CommandRevoked

Settling is itself an event on the approval's partition, and the *first* ApprovalSettled in the log is the
settlement: the verdict (CommandAllowed or CommandDenied) follows from reading it back. So whatever
crashes, is sent twice or arrives late, one approval leads to one verdict. All that is emitted has an id
derived from the approval, and a repeat says the same again.

- `states.py`: which state may follow which.
- `approval.py`: apply(approval, event, …) -> (approval, events). `record.py`: the approval as it is kept.
- `verdicts.py`: its settlement -> the verdict on its command.
- `standing.py`: an approval that is used by asking for the same command again.
- `quorum.py`: when enough persons have approved. `stages.py`: of which stage, where there are several.
- `reconsidering.py`: what becomes of what waits when the rules change.
- `unattended.py`: what becomes of one whose reviewers cannot be reached.
- `deadlines.py`: which approvals are due now.
"""
