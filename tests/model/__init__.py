"""The mission in some hundred lines, and the house walked beside it."""
