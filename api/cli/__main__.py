"""`python -P -m api.cli`, as the supervisor starts the roles."""

from api.cli import main

main()
