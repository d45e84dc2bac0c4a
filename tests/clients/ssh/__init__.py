"""Real OpenSSH clients before the SSH ingress. A package, so that its parts end with its last test."""
