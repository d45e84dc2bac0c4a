"""The reviewer's page: rendered by the server, useful without a script, and safe with what agents wrote.

Nothing of a command is ever markup: templates escape everything, and characters that do not look like what
they are (api/visible.py) are named. The page's own files are under the content policy of `app.py`; no inline
script or style, nothing from elsewhere. Forms carry the session's form token.

- `site.py`: the templates, who is signed in, how a page is answered.
- `pages.py`: the queue, the history, a request and the decision on it; signing in and out.
- `live.py`: the stream that brings the queue's rows; `rows.py`: a request as one row (pure).
- `sessions.py`: sessions, their replay, and how one is ended.
- `terminal.py`: a recorded session as a player takes it (pure).
- `grants.py`: what reviewers let through beforehand, and how one ends.
- `pauses.py`: lifts the pause of one who was rejected again and again.
- `policies.py`: the rules, a draft of others, proposals; `rules.py`: a rule in words (pure).
- `about.py`: an auditor's search, the gateway's health.
- `sign_on.py`: single sign-on, to the provider and back.
- `terminals.py`: a code for a terminal that cannot sign in elsewhere.
- `forms.py`: what protects and checks a posted form.
- `highlight.py`: a command in colours (pure); `words.py`: intents, states and times in words (pure).
- `templates/` and `static/`: HTML, style, script; `static/vendor/` comes from npm (`package.json`).
"""
