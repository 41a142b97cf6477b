"""Routes of the HTTP application, one file a resource."""
