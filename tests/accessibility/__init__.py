"""Accessibility: by keyboard, by screen reader, enlarged, and for mail scanners that open every link."""
