"""Django's SQLite, whose connections are kept for the next request instead of opened for each."""
