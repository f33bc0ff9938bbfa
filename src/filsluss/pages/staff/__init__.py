"""The pages of staff who sign in with the provider."""
