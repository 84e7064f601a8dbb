"""Accounts that are inside already, screened again: from the store, Parquet or CSV (needs Polars)."""
