"""Whoever comes, and however: by keyboard, by ear, enlarged, or as a machine that opens every link."""
