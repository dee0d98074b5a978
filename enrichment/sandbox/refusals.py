"""Error answers of Companies House, its gateway and its document storage."""

import secrets

from aiohttp import web

_GATEWAY = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def unauthorised(error: str) -> web.Response:
    """Return 401 as Companies House does."""
    return web.json_response(
        {"error": error, "type": "ch:service"},
        status=401,
        headers={"Ch-Authentication-Error": error},
    )


def refused(status: int, error: str) -> web.Response:
    """Return a service error as Companies House does."""
    return web.json_response({"errors": [{"type": "ch:service", "error": error}]}, status=status)


def broken(status: int) -> web.Response:
    """Return 500 with JSON and an exception id, or a gateway status with an HTML page."""
    if status not in _GATEWAY:
        body = {"exception_id": secrets.token_hex(6), "error": "Internal server error"}
        return web.json_response(body, status=status)
    title = f"{status} {_GATEWAY[status]}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body></html>"
    return web.Response(status=status, text=page, content_type="text/html")


def storage_error(status: int, code: str, message: str) -> web.Response:
    """Return an error in XML, as S3 does."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    )
    return web.Response(status=status, text=body, content_type="application/xml")
