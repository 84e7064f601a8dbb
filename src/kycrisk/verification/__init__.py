"""What happens behind the flag: the customer shows who they are, and a provider or a person decides."""
