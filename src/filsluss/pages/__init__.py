"""The views of the web pages: each reads the request, calls one action and renders a page."""
