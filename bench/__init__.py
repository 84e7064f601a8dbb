"""How fast kycrisk is, beside its peers, in one run: `python -m bench` writes results.json and results.svg."""
