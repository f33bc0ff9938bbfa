"""What operators use: health endpoints, metrics, checks."""
