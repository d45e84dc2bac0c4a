"""What may be done: a command's facts in, a decision out. Pure; knows no protocol, no configuration file.

- `command.py`: what the policy sees of a command: who, on which resource, with which facts.
- `rule.py`: one rule as data: what it matches on, its verdict, its review terms and limits.
- `limits.py`: the limits and budgets of all rules that match, together.
- `matchers.py`: MATCHERS: a key of `when` -> how it matches.
- `expression.py`: CEL, for what the other keys cannot say.
- `rules.py`: evaluate(command, rules, now) -> Decision. The strictest matching rule wins.
- `commit.py`: the same for a COMMIT that makes statements last which ran before their review.
- `decision.py`: the one of these that a command needs, also where it asks for an unmasked answer.
- `budgets.py`: what principals used of their budgets: sliding windows and reservations.
- `break_glass.py`: who may run at once what is reviewed afterwards.
- `bundle.py`: rules and resources <-> their canonical JSON, whose SHA-256 is the policy version.
- `publishing.py`: proposed rules, until they are in force or not.
- `verdict.py`: CommandRequested -> the events that answer it.

An allow rule must cover everything a command does; a review or deny rule matches as soon as the command
does anything it names (docs/decisions/0005-what-a-rule-matches.md).
"""
