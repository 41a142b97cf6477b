"""HTTP rules shared by ingest, the API and the server."""
