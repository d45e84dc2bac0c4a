"""`countersign ssh-cert`: an SSH certificate for who is signed in, beside the key that it is for."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

from api.cli.credentials import folder
from api.cli.gateway import ConfigOption, Exit, call, fail, find, locate
from api.visible import visible
from api.web.words import duration
from infra.clock import now

app = typer.Typer(add_completion=False)

_RENEWED_BEFORE = timedelta(minutes=5)  # that one still lasts


@app.command()
def ssh_cert(
    url: Annotated[
        str, typer.Argument(metavar="[URL]", help="The gateway; else COUNTERSIGN_URL or the configuration's.")
    ] = "",
    key: Annotated[
        Path | None, typer.Option("--key", help="Your public key; else one that is made and kept for this.")
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Say nothing; do nothing while the one that is there lasts.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Gets a certificate that ssh signs in with at the gateway, as long as your token lasts."""
    path = key or own_key(locate(config, url).url)
    target = certificate_of(path)
    if quiet and _lasts(target):
        return
    try:
        public = path.read_text()
    except OSError as error:
        fail(Exit.USAGE, f"{path} cannot be read: {error.strerror}")
    place = find(config, url)
    given = call(place, "POST", "/api/ssh-certificate", body={"public_key": public})
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    draft.write_text(given["certificate"] + "\n")
    draft.replace(target)
    if not quiet:
        left = duration(datetime.fromisoformat(given["expires_at"]) - now())
        print(f"{target}: you are {visible(given['principal'])} at {place.url} for {left}.")


def own_key(url: str) -> Path:
    """The public half of the key that is kept for this gateway, made where there is none yet."""
    path = _key_path(url)
    public = path.with_suffix(".pub")
    if not public.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = Ed25519PrivateKey.generate()
        secret = made.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
        public.write_bytes(
            made.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
            + b"\n"
        )
    return public


def forget_certificate(url: str) -> None:
    """Leaves none for the kept key: it was whose sign-in has ended."""
    certificate_of(_key_path(url).with_suffix(".pub")).unlink(missing_ok=True)


def _key_path(url: str) -> Path:
    return folder() / f"ssh-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def certificate_of(public: Path) -> Path:
    """Where ssh looks for the certificate of a public key (ssh(1), option -i)."""
    if public.suffix != ".pub":
        fail(Exit.USAGE, f"{public} is no public key: expected a file such as id_ed25519.pub")
    return public.with_name(f"{public.stem}-cert.pub")


def _lasts(path: Path) -> bool:
    try:
        found = load_ssh_public_identity(path.read_bytes().strip())
    except (OSError, ValueError, UnsupportedAlgorithm):
        return False
    return isinstance(found, SSHCertificate) and now() + _RENEWED_BEFORE < datetime.fromtimestamp(
        found.valid_before, UTC
    )
