"""What the benchmarks are made of: clients, servers of others and our own, meters and tables."""
