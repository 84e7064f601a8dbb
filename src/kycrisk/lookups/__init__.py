"""Clients that ask the network: each says what it found, or why it could not find out; none raises for the network."""
