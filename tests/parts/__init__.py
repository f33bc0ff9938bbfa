"""Test infrastructure: a running service, a mail server, a database server, a browser, faults."""
