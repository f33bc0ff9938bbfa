"""Django's SQLite backend with pooled connections and queued writers."""
