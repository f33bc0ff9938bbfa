"""Integrity: rows, blobs and letters are compared with each other, and differences are repaired."""
