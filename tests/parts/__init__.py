"""The real parts that tests stand on: an installation, a post office, a database server, a browser."""
