"""`countersign ssh-ca`: what hosts trust, so that the gateway signs in with certificates of its own."""

import typer

from api.cli.config import DEFAULT, ConfigOption, load_config
from infra.ssh_keys import ssh_target_ca

app = typer.Typer(add_completion=False)


@app.command()
def ssh_ca(config: ConfigOption = DEFAULT) -> None:
    """Prints the authority's public key, for the file that the host's sshd has as TrustedUserCAKeys."""
    public = ssh_target_ca(load_config(config).state).with_suffix(".pub")
    print(public.read_text().strip(), "countersign-ca")
