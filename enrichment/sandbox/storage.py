"""The document storage of the sandbox, on an origin of its own; it accepts only signed links."""

from aiohttp import web

from enrichment.sandbox import refusals, register
from enrichment.sandbox.apis import BUCKET, Apis, storage_name
from enrichment.sandbox.companies import PDF
from enrichment.sandbox.config import SandboxConfig
from enrichment.sandbox.signing import LinkSigner

_PART = 1_048_576


class Storage:
    def __init__(self, config: SandboxConfig, apis: Apis, signer: LinkSigner) -> None:
        self._config = config
        self._apis = apis
        self._signer = signer

    def routes(self) -> list[web.RouteDef]:
        return [web.get(f"/{BUCKET}/docs/{{id}}/{{kind}}", self.content)]

    async def content(self, request: web.Request) -> web.StreamResponse:
        """Stream a document, without Content-Length, if the link is signed and has not expired."""
        if "Authorization" in request.headers:
            message = "Only one auth mechanism allowed"
            return refusals.storage_error(400, "InvalidArgument", message)
        verdict = self._signer.check(request.path, request.query, now=self._config.clock())
        if verdict == "EXPIRED":
            return refusals.storage_error(403, "AccessDenied", "Request has expired")
        if verdict == "BAD_SIGNATURE":
            message = "The request signature we calculated does not match"
            return refusals.storage_error(403, "SignatureDoesNotMatch", message)
        found = self._find(request)
        if found is None:
            return refusals.storage_error(404, "NoSuchKey", "The specified key does not exist.")
        kind, body = found
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        for start in range(0, len(body), _PART):
            await response.write(body[start : start + _PART])
        await response.write_eof()
        return response

    def _find(self, request: web.Request) -> tuple[str, bytes] | None:
        named = register.read_document_id(request.match_info["id"])
        company = self._apis.find(named[0]) if named else None
        if named is None or company is None or named[1] >= len(company.filings):
            return None
        documents = {PDF: register.picture} | dict(company.filings[named[1]].documents)
        wanted = request.match_info["kind"]
        return next(
            ((kind, make()) for kind, make in documents.items() if storage_name(kind) == wanted),
            None,
        )
