"""How the tables came to be; imports nothing of ours."""
