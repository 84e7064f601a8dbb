"""Screening again the accounts that are already inside."""
