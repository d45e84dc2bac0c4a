"""Real clients before the gateway."""
