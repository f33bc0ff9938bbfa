"""Clients for virus scanners."""
