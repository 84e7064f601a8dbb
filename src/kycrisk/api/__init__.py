"""The HTTP API: one module a resource. See docs/api.md."""
