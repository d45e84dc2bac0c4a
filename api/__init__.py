"""People: reviewers who decide, auditors who ask. HTTP in, events out; nothing here lets a command run.

What comes in: the approvals topic (what waits, what was decided), HTTP requests with a token or a cookie.
What goes out: `ReviewDecided`, signed by role api. Whether it counts is for the approvals processor to say;
the state of an approval changes here only when `ApprovalSettled` comes back.

In the order of a decision:

- `main.py`: the role: keys, bus, server; stops cleanly.
- `app.py`: `create_app`: puts the routes, the sign-in, the errors and the headers together.
- `auth.py`: who asks: bearer token, or the cookie of the web sign-in.
- `tokens.py`: tokens given and taken back, as OAuth has it; `issuing.py` signs them and publishes that.
- `ssh_certificates.py`: the same as SSH certificates.
- `single_sign_on.py`: the gateway as client of an OpenID provider; `saml_sign_on.py`: as that of a SAML one.
- `sealed.py`: what clients carry for either.
- `terminal_codes.py`: a terminal's sign-in through the web page.
- `resources.py`: what is behind the gateway, and where clients connect.
- `inbox.py`: the read model of the approvals topic (pure); `feed.py` keeps it up to date and tells listeners.
- `register.py`: the read model of the grants topic (pure).
- `originals.py`: a command's sensitive literals, opened for who may see them.
- `access.py`: who may see an approval or a session, and who may decide (pure).
- `showing.py`: an approval as those who may see it get to see it; `views.py`: the models of that.
- `deciding.py`: one decision: checked, published, waited for.
- `pauses.py`: lifts the pause of one who was rejected again and again.
- `asking.py`: access asked for beforehand. `grants.py`: what was granted, and its end.
- `publishing.py`: the rules in force, and proposals of others until they are in force or not.
- `policies.py`: these over HTTP; `showing_rules.py`: as persons get to see them. `simulation.py`: which
  commands they would judge otherwise (pure).
- `approvals.py` `stream.py` `sessions.py` `commands.py` `recordings.py` `files.py` `health.py`: one resource
  each: models, routes; `transferred.py`: files out of a recording (pure); `paging.py`: the link to a list's
  next page; `repeating.py`: requests sent again.
- `ending.py`: ends a session, by revoking it.
- `audit.py`: reads of the audit log for the above, and what to say when ClickHouse is away.
- `past.py`: approvals that the inbox has forgotten, and what was before a request.
- `plain_words.py`: facts as sentences, and whether what they say can be undone (pure).
- `host_words.py`: the same for kinds of commands on hosts and in clusters.
- `locks.py`: what a command locks at its target (pure).
- `problems.py`: every error as RFC 9457 problem details, with what to do.
- `visible.py`: foreign text made safe to look at: control and bidirectional characters become visible.
- `notifications/`: tells others what waits, by webhooks.
- `scim/`: the identity provider says who may come in, and who no longer.
- `mcp/`: the same for programs that speak MCP, and commands by way of the gateway's listeners.
- `web/`: the reviewer's page: forms first, a little script on top.
- `client/`: a typed client of all this, for programs.
- `cli/`: the `countersign` command.
"""
