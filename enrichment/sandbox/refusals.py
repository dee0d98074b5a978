"""Creates error answers like those of Companies House, its gateway, and its document storage."""

import secrets

from aiohttp import web

_GATEWAY = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def unauthorised(error: str) -> web.Response:
    """Return the answer of Companies House to an invalid API key (401)."""
    return web.json_response(
        {"error": error, "type": "ch:service"},
        status=401,
        headers={"Ch-Authentication-Error": error},
    )


def refused(status: int, error: str) -> web.Response:
    """Return an error of Companies House with a status and an error code."""
    return web.json_response({"errors": [{"type": "ch:service", "error": error}]}, status=status)


def broken(status: int) -> web.Response:
    """Return a 5xx answer.

    A gateway status (502, 503, 504) has an HTML page, any other status JSON with an exception id.
    """
    if status not in _GATEWAY:
        body = {"exception_id": secrets.token_hex(6), "error": "Internal server error"}
        return web.json_response(body, status=status)
    title = f"{status} {_GATEWAY[status]}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body></html>"
    return web.Response(status=status, text=page, content_type="text/html")


def storage_error(status: int, code: str, message: str) -> web.Response:
    """Return an error of the document storage, in the XML format of S3."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return web.Response(status=status, text=body, content_type="application/xml")
