"""Filsluss: a file sluice between an organisation and the world around it."""
