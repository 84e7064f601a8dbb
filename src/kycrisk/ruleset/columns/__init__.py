"""The same rules over tables: `ColumnRuleset` says who, and leaves the why to the scalar engine (needs Polars)."""
