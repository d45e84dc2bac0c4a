"""Events in, decisions out: one Faust app for policy and approvals. It knows no protocol.

    commands ──CommandRequested──▶ policy ──┬─ CommandAllowed, CommandDenied ─▶ verdicts
                                            └─ ApprovalRequested ─▶ approvals, ApprovalPending ─▶ verdicts
    approvals ──ApprovalRequested, ReviewDecided, ApprovalWithdrawn──▶ approvals ─ ApprovalSettled ─▶ back
    approvals ──ApprovalSettled──▶ approvals ─ CommandAllowed, CommandDenied ─▶ verdicts
    policy, approvals ──what is asked under a rule that does not hold, by digest──▶ standing ─ … ─▶ verdicts
    commands ──what draws on a budget or a grant, by principal──▶ budgets ─ CommandAllowed, … ─▶ verdicts
    approvals ──GrantIssued──▶ grants ──likewise by principal──▶ budgets ─ CommandRevoked ─▶ verdicts
    whatever does not verify ─ EventRejected ─▶ dead-letters

- `main.py`: the role: builds what does I/O and runs the worker.
- `app.py`: the Faust app and its settings.
- `agents.py`: every agent and timer, a few lines each: the wiring.
- `fetching.py`: how long Kafka may keep a fetch, so that nothing waits and little is asked.
- `continuity.py`: reads again what a flaw of Faust would skip, and takes nothing twice.
- `intake.py`: a message of Kafka -> an event whose signature and place were checked.
- `emission.py`: publishes what follows from an event, and then has the event acknowledged.
- `ordering.py`: acknowledges in order what is finished in any order.
- `records.py`: signed records in a Faust table.
- `reactions.py`: one event -> what follows from it.
- `accounts.py`: what principals used of their budgets, in a table of its own.
- `grantings.py`: what principals were granted, in a table beside their accounts.
- `standings.py`: approvals that are used by asking again, in a table of their own.
- `desk.py`: the approvals in the table, and their deadlines.
- `presence.py`: whether reviewers can be reached.
- `configured.py`: the configuration file -> the bundle to decide by.
- `rulebook.py`: the bundle in force, which persons may publish while the workers run.
- `policy/`, `approvals/`, `grants/`: the decisions, pure.
- `masking/`: plans, masks and detectors, pure; an ingress uses them too.
"""
