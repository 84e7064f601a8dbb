"""Normal forms: the one way to write an e-mail address, an IP address and a phone number."""
