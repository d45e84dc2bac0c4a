"""`countersign ssh-ca`: what hosts trust, so that the gateway signs in with certificates of its own."""

import typer

from api.cli.config import DEFAULT, ConfigOption, load_config
from infra.keys import ssh_ca_line

app = typer.Typer(add_completion=False)


@app.command()
def ssh_ca(config: ConfigOption = DEFAULT) -> None:
    """Prints the authority's public key, for the file that the host's sshd has as TrustedUserCAKeys."""
    print(ssh_ca_line(load_config(config).state))
