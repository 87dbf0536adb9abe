"""The REST interface of a running system, under /api/v1."""
