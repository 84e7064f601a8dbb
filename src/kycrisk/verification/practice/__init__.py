"""Practice servers: local stand-ins for providers, for demonstrations and tests. None of them verifies anybody."""
