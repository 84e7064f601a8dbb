"""Other rules over stored decisions: what they would have decided, and what became of those accounts (needs Polars)."""
