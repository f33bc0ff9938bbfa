"""The settings: one table, where their texts come from, and how they are read."""
