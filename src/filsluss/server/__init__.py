"""How the service runs: web server, worker processes, the parent that restarts them."""
