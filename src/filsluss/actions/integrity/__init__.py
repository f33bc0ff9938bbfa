"""Integrity: rows and blobs compared with one another, and what does not agree repaired."""
