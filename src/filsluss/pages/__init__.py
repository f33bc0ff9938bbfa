"""What people see: read the request, call one action, show a page."""
