"""The byte paths: tus uploads, the plain form and ranged downloads, as WSGI without Django's middleware."""
