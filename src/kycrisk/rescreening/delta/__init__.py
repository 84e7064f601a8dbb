"""Screening again exactly those accounts that a change can touch: lists, rules, answers that expired (needs Polars)."""
