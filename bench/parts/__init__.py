"""Parts of the benchmarks: clients, servers of others and our own, resource usage and tables."""
