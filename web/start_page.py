"""The pages for newcomers: a start page at `/`, the playground, and the docs if they are built.

They are there only if the setting PLAYGROUND is on. None of them needs a token, and none shows the
schema or any data: the playground asks the API with the token that its user enters.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from web.http_request import headers_of, prefers_page
from web.security_headers import page_headers
from web.static_files import BuiltFiles

FOLDER = Path(__file__).parent / "templates"
STYLE = (FOLDER / "start.css").read_text()
HEADERS = page_headers(STYLE, "; img-src data:")
PAGES = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
SEE_OTHER = 303
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

PLAYGROUND_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
"""No script is inline. The editor writes style elements and attributes that differ by theme.

The files of workers need the policy too: a worker follows that of its own file.
"""


class StartPages:
    """The start page, and what is built in `folder`; nothing if the folder is None.

    `address` is that of this service, for the start page to name.
    """

    def __init__(self, folder: Path | None, address: str) -> None:
        self.routes: list[BaseRoute] = []
        self._first: str | None = None
        """Where a browser is sent that opens the address of the endpoint."""
        if folder is None:
            return
        playground, docs = folder / "playground", folder / "site"
        has_playground, has_docs = ((one / "index.html").is_file() for one in (playground, docs))
        self._first = "playground/" if has_playground else "./"
        page = PAGES.get_template("start.html").render(
            style=STYLE, address=address, has_playground=has_playground, has_docs=has_docs
        )
        self.routes.append(Route("/", lambda _: Response(page, 200, HEADERS, "text/html")))
        if has_playground:
            self.routes += _folder("playground", playground, PLAYGROUND_POLICY)
        if has_docs:
            self.routes += _folder("docs", docs, _docs_policy(docs.rglob("*.html")))

    def wrap(self, endpoint: ASGIApp) -> ASGIApp:
        """Return the GraphQL endpoint, which sends browsers on that open its address."""
        first = self._first
        if first is None:
            return endpoint

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            is_browser = (
                scope["method"] == "GET"
                and not scope["query_string"]
                and prefers_page(headers_of(scope).get(b"accept", b"").decode("latin-1"))
            )
            app = RedirectResponse(first, SEE_OTHER) if is_browser else endpoint
            await app(scope, receive, send)

        return answer


def _folder(name: str, directory: Path, policy: str) -> list[BaseRoute]:
    headers = {**HEADERS, "Content-Security-Policy": policy}
    return [
        Route(f"/{name}", lambda _: RedirectResponse(f"{name}/", SEE_OTHER)),
        Mount(f"/{name}", BuiltFiles(directory, headers)),
    ]


def _docs_policy(pages: Iterable[Path]) -> str:
    """Return a policy that allows exactly the inline scripts of these pages, by their hashes."""
    scripts = {one for page in pages for one in INLINE_SCRIPT.findall(page.read_text())}
    hashes = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in sorted(hashes))
    return (
        f"default-src 'self'; script-src 'self' {allowed}; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
