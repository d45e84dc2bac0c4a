"""Real Kubernetes clients before clusters. A package, so that its parts end with its last test."""
