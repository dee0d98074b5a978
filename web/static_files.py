"""Serves a folder of built files, in copies that were compressed when they were built."""

import os
import re
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, PathLike, StaticFiles
from starlette.types import Scope

from web.accept_encoding import accepted_encodings, preferred_encoding

COPIES = {"br": ".br", "gzip": ".gz"}
"""Encodings of compressed copies with their file name suffixes, the better one first."""

HASHED = re.compile(r"-[A-Za-z0-9_-]{8}\.\w+\Z|\.[0-9a-f]{8}\.min\.\w+\Z")
"""Matches names with a hash of the content, as Vite and MkDocs Material write them."""

FOREVER, CHECKED = "public, max-age=31536000, immutable", "no-cache"
TEXT, BINARY = "text/plain", "application/octet-stream"
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": TEXT,
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
"""Media types by suffix, since the tables of machines differ."""


class BuiltFiles(StaticFiles):
    """The files of a folder, each with `headers`; a path that ends in `/` is an index.html."""

    def __init__(self, directory: PathLike, headers: Mapping[str, str]) -> None:
        super().__init__(directory=directory)
        self._headers = headers

    def get_path(self, scope: Scope) -> str:
        path = super().get_path(scope)
        return os.path.normpath(f"{path}/index.html") if scope["path"].endswith("/") else path

    def file_response(
        self,
        full_path: PathLike,
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """Return a file, or its compressed copy if the client accepts the encoding."""
        name, given = os.fspath(full_path), Headers(scope=scope)
        suffix = os.path.splitext(name)[1]
        if suffix not in TYPES:
            raise HTTPException(404)  # such as a compressed copy
        headers = {
            **self._headers,
            "cache-control": FOREVER if HASHED.search(name) else CHECKED,
            "vary": "Accept-Encoding",
        }
        accepted = accepted_encodings(scope["headers"]).decode("latin-1")
        copies = [one for one, copy_suffix in COPIES.items() if os.path.exists(name + copy_suffix)]
        coding = preferred_encoding(accepted, copies)
        if coding is not None:
            headers["content-encoding"] = coding
            full_path = name + COPIES[coding]
            stat_result = os.stat(full_path)
        response = FileResponse(
            full_path, status_code, headers, TYPES[suffix], stat_result=stat_result
        )
        if self.is_not_modified(response.headers, given):
            return NotModifiedResponse(response.headers)
        return response
