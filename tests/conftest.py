"""What all tests share: the fixtures for real parts (support/real.py)."""

pytest_plugins = ["support.real"]
