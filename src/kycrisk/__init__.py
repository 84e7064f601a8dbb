"""Decides, while a customer signs up, whether the account must verify its identity."""
