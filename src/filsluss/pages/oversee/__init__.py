"""The administrator's pages: sign-in, search, one transfer, removal with a reason; they open no files."""
