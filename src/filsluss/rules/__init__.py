"""What may happen: pure rules, with no framework, database, clock, disk or network."""
