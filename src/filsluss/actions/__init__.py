"""What happens: one verb is one function is one transaction; `now` is handed in."""
