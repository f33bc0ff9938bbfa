"""Migrations of the tables; they import nothing of this app."""
