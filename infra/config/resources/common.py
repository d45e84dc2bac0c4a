"""What resources of several protocols have."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from infra.config.values import Model, known


def _is_detector(detector: str, info: ValidationInfo) -> str:
    return known(detector, info, "detectors", "detector")


def is_mask(mask: str, info: ValidationInfo) -> str:
    """The mask, which has to be one of those there are."""
    return known(mask, info, "masks", "mask")


class Sensitive(Model):
    """What must not leave the gateway as it is, wherever it stands."""

    detect: tuple[Annotated[str, AfterValidator(_is_detector)], ...] = ()
    shown_to: tuple[str, ...] = ()  # groups whose reviewers may see what of a command was sealed


class Common(Model):
    """What every resource has."""

    name: str = Field(min_length=1, pattern=r"^[^:/\s]+$")
    labels: dict[str, str] = Field(default={})
    owners: tuple[str, ...] = ()  # groups that review, where a rule says `owners: true`
    recording: Literal["full", "preview", "metadata"] = "full"


def _is_served(protocol: str, info: ValidationInfo) -> str:
    return known(protocol, info, "protocols", "protocol this version serves")


Served = AfterValidator(_is_served)


def is_leasable(lifetime: timedelta) -> timedelta:
    """How long a credential may live that is made for a session."""
    if not timedelta(seconds=5) <= lifetime <= timedelta(hours=1):
        raise ValueError("expected between 5s and 1h")
    return lifetime


class ClientCertificate(Model):
    """What the gateway shows an API that asks for a certificate: PEM files."""

    certificate: Path
    key: Path


_SELECTOR = re.compile(r"\$(?:\.\.?(?:[^.\[\]*'\s]+|\*)|\[\*\]|\['[^']+'\])+")


def is_selector(selector: str) -> str:
    """A path to fields of JSON, in a small part of RFC 9535."""
    if _SELECTOR.fullmatch(selector) is None or selector.endswith("[*]"):
        raise ValueError("expected a selector such as $.customer.email or $..email")
    return selector


_ORIGIN = re.compile(r"https?://(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")


def is_origin(address: str) -> str:
    """Scheme, host and port of a URL."""
    if _ORIGIN.fullmatch(address) is None:
        raise ValueError("expected https://host or https://host:port, without a path")
    return address
