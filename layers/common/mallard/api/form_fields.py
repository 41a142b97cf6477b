"""Fields of a request body, JSON or form."""

import json
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request

from mallard.api.middleware.json_body import FORMS
from mallard.errors import QueryError

MAX_FIELDS = 20
MAX_FORM_BYTES = 16 * 1024


async def sent_fields(request: Request) -> dict[str, Any]:
    """The fields of the body, none of an empty one. QueryError where it is no object and no form, or is too long."""
    body = await request.body()
    if len(body) > MAX_FORM_BYTES:
        raise QueryError(f"The body is over {MAX_FORM_BYTES // 1024} KB.")
    if not body:
        return {}
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in FORMS:
        given = json.loads(body)
        if not isinstance(given, dict):
            raise QueryError("The body must be an object or a form.")
        return given
    pairs = _of_parts(content_type, body) if kind == FORMS[0] else _of_text(body)
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise QueryError("The form has a field more than once.")
    return fields


def _of_text(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        raise QueryError(f"The form must be UTF-8, with at most {MAX_FIELDS} fields.") from None


def _of_parts(content_type: str, body: bytes) -> list[tuple[str, str]]:
    # Imported here: no report needs it.
    from email.parser import BytesParser
    from email.policy import HTTP

    head = f"content-type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    parts = list(message.iter_parts()) if message.is_multipart() else []
    if not 0 < len(parts) <= MAX_FIELDS:
        raise QueryError(f"The form must have 1 to {MAX_FIELDS} fields.")
    found = []
    for part in parts:
        name, value = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(value, bytes):
            raise QueryError("Each field of the form must have a name and a text.")
        try:
            found.append((name, value.decode()))
        except UnicodeDecodeError:
            raise QueryError("Each field of the form must be UTF-8.") from None
    return found
