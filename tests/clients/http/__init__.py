"""Real HTTP clients before the HTTP ingress. A package, so that its parts end with its last test."""
