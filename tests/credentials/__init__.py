"""What targets see of the gateway. A package, so that its parts end with its last test."""
