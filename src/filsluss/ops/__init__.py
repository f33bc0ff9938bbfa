"""What operators ask: health, metrics, checks."""
