"""What all tests share: the fixtures for real parts (support/real.py), and hypothesis without a clock."""

from hypothesis import settings

pytest_plugins = ["support.real"]

# How long an example takes says something about the machine, not about the code.
settings.register_profile("countersign", deadline=None)
settings.load_profile("countersign")
