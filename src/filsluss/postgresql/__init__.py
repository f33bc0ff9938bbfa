"""PostgreSQL: a database engine that keeps its connections, and how many."""

POOL = {"min_size": 0, "max_size": 16, "timeout": 1.0, "reconnect_timeout": 1.0, "num_workers": 1}
"""Of one process; more threads than that wait for each other. Times are in seconds."""
