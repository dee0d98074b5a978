"""Signs callers in to exports: by the Authorization header, or by a link that the API made."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from models.changes.export_link import holder_of, read_link
from models.rules.export import ExportFormat, ExportKind, ExportLink, InvalidLink
from models.storage.tenant_scope import NOWHERE, bind_tenant
from models.tables.access import Principal
from models.tables.event_feed import platform_secret
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.request_notes import note_principal
from web.auth_failure_limiter import AuthFailureLimiter
from web.proxy import address_of
from web.sign_in import Authenticate

LINK = "link"
"""The parameter with the text of a link."""


@dataclass(frozen=True, slots=True)
class LinkSignIn:
    """Authenticates requests for exports; wrong links count as failed sign-ins of an address."""

    authenticate: Authenticate
    failures: AuthFailureLimiter
    clock: Callable[[], datetime]
    secret: bytes
    """The secret that encrypts links; empty for the one in the database."""

    async def principal_of(
        self, request: Request, kind: ExportKind, format_: ExportFormat
    ) -> Principal | None:
        """Return the principal of a request, and bind its tenant scope; None without a credential.

        Notes the link in `request.state.link`, or None. Raises RequestRefused (NOT_FOUND) for a
        link that is wrong, has expired, is of another export, or whose credential has ended.
        """
        request.state.link = None
        address = address_of(request.scope)
        texts = request.query_params.getlist(LINK)
        if not texts:
            return await self.authenticate(request.headers.get("authorization"), address)
        bind_tenant(None)  # tokens belong to no tenant
        async with self.failures.slot(address):
            link = await self._link(texts[0])
            principal = None
            if link is not None and (link.kind, link.format) == (kind, format_):
                principal = await holder_of(link, self.clock())
        note_principal(principal)
        bind_tenant(NOWHERE if principal is None else principal.reseller_id)
        if link is None:
            self.failures.fail(address)
        if principal is None:
            raise RequestRefused(
                ErrorCode.NOT_FOUND, "The link is wrong or has expired. Create another one."
            )
        request.state.link = link
        return principal

    async def _link(self, text: str) -> ExportLink | None:
        key = self.secret or await platform_secret()
        try:
            return read_link(text, key, self.clock())
        except InvalidLink:
            return None
