"""What happens to transfers: one function in one transaction for each act; `now` is an argument."""
