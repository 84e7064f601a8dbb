"""Tables of signups, or of facts that are known already, screened as columns: `TableScreener` (needs Polars)."""
