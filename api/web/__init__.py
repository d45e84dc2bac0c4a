"""The reviewer's page: sign in, the queue, one request, its history, sessions.

Plain forms do all that is essential; `static/countersign.js` keeps what is shown up to date and counts down.

- `sign_on.py`: to the identity provider and back.
- `pages.py`: all other routes; `forms.py`: what protects and checks a posted form.
- `words.py`: facts and times in words.
- `templates/`: one file a page, `base.html` around them, `parts.html` what several use.
- `static/`: the style sheet, the script and the icon; nothing comes from another server.
"""
