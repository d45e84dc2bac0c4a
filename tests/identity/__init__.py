"""Sign-in with a real Keycloak. A package, so that its parts end with its last test."""
