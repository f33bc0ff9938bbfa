"""How the processes run: the web server, gunicorn's worker class, the supervisor, the demo's settings."""
