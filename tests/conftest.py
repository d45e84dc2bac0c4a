"""What all tests share: the fixtures for real parts (support/real.py), and hypothesis without a clock."""

import signal

import pytest
from hypothesis import settings

pytest_plugins = ["support.real"]

# How long an example takes says something about the machine, not about the code.
settings.register_profile("countersign", deadline=None)
settings.load_profile("countersign")


def pytest_configure() -> None:
    """A shell starts what runs in its background with SIGINT ignored, and all its children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Both workers must give a test the same name: bytes and long texts may have a time or a key in them."""
    is_long = isinstance(val, str) and len(val) > _LONGEST_NAME
    return argname if isinstance(val, bytes) or is_long else None


_LONGEST_NAME = 80  # characters
