"""The rules of the domain as pure functions: no framework, database, clock, disk or network."""
