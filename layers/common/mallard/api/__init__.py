"""The HTTP application: routes, schemas and middleware."""
