"""The administrator's pages: sign in, search, see, and remove with a reason; no file is opened here."""
