"""Sign-in with a provider."""
