"""The server process: uvicorn, connections, and everything embedded."""
