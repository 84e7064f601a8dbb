"""Verification: what happens behind the flag, from the case that a decision opens to the holds that its end lifts."""
