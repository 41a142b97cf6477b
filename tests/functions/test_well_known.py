"""What the query function tells strangers' programs, as the server does."""

import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

from support.functions import Context, cold, request


def get(folder: Path, path: str, **settings: str) -> dict[str, Any]:
    """The answer of a cold function."""
    with patch.dict(os.environ, {"MALLARD_DATA_DIR": str(folder), "MALLARD_QUERY_MEMORY_MB": "256", **settings}):
        answer: dict[str, Any] = cold("query").handle(request("GET", path), Context())
    return answer


def test_security_txt_of_the_function_names_the_configured_contact(tmp_path: Path) -> None:
    path, contact = "/.well-known/security.txt", "mailto:security@example.com"
    answer = get(tmp_path, path, MALLARD_SECURITY_CONTACT=contact)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer["body"].startswith(f"Contact: {contact}\nExpires: ")
    assert get(tmp_path, path)["statusCode"] == 404


def test_robots_txt_of_the_function_disallows_everything(tmp_path: Path) -> None:
    assert "Disallow: /\n" in get(tmp_path, "/robots.txt")["body"]
