"""Routes beside GraphQL: for every method, and for those who hold a valid token."""

from collections.abc import Awaitable, Callable
from functools import cache, partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from models.tables.access import Scope as TokenScope
from schema.base.errors import ClientGone, ErrorCode, RequestRefused
from schema.base.request_slot import Limiters
from schema.engine.served_schema import CustomerClassesSchema
from web.auth_failure_limiter import TooManyAuthFailures
from web.proxy import address_of
from web.refusals import MaskedFailures, answer_http_exception, refusal, refused_answer
from web.sign_in import Authenticate, SignInUnavailable

Answer = Callable[[Request], Awaitable[Response]]


class Signed:
    """Lets a route answer those whose token has all of some scopes, by any method.

    The answer is made in a slot, as operations are. It finds `state.principal`, and `state.part`
    for what is made later, while the answer is sent.
    """

    def __init__(
        self, authenticate: Authenticate, limiters: Limiters, answer: Answer, *scopes: TokenScope
    ) -> None:
        self._authenticate = authenticate
        self._limiters = limiters
        self._answer = answer
        self._scopes = scopes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        request = Request(scope, receive)
        answer = await self._refused(request) or await self._answer_in_slot(request)
        await answer(scope, receive, send)

    async def _answer_in_slot(self, request: Request) -> Response:
        caller = request.state.principal.caller
        request.state.part = partial(self._limiters.part, caller)
        slot = self._limiters.request(caller, request.scope["state"].get("is_gone"))
        try:
            async with slot:
                await slot.enter_queries()
                slot.start_work()
                return await self._answer(request)
        except ClientGone:
            return refusal(request, 400, "The client has gone.")  # nobody is left to read it
        except RequestRefused as refused:
            return refused_answer(request, refused)

    async def _refused(self, request: Request) -> Response | None:
        authorization = request.headers.get("authorization")
        try:
            principal = await self._authenticate(authorization, address_of(request.scope))
        except (TooManyAuthFailures, SignInUnavailable) as told:
            return refused_answer(request, told.refusal)
        if principal is None:
            headers = {"WWW-Authenticate": "Bearer"}
            return refusal(request, 401, "Sign in with a bearer token.", headers)
        missing = [one for one in self._scopes if not principal.may(one)]
        if missing:
            return refusal(request, 403, f"This needs the scope {', '.join(missing)}.")
        request.state.principal = principal
        return None


@cache
def _printed(schema: CustomerClassesSchema) -> bytes:
    return schema.as_str().encode()


def schema_route(
    authenticate: Authenticate, limiters: Limiters, schema: CustomerClassesSchema
) -> Route:
    """Show the schema in SDL to those who sign in, if it is shown at all."""
    sdl = _printed(schema)

    async def print_schema(request: Request) -> Response:
        if schema.limits.introspection:
            return Response(sdl, media_type="text/plain")
        text = "The schema is not shown here."
        return refusal(request, 403, text, code=ErrorCode.INTROSPECTION_DISABLED)

    return Route("/schema.graphql", Signed(authenticate, limiters, print_schema), methods=["GET"])


class Application(Starlette):
    """Starlette with something around all of it, and with failures masked and coded."""

    def __init__(self, around: Callable[[ASGIApp], ASGIApp], **settings: Any) -> None:
        super().__init__(**settings)
        # A redirect would repeat a link's token, and the caller's own Host header.
        self.router.redirect_slashes = False
        self._around = around

    def build_middleware_stack(self) -> ASGIApp:
        """Put it around the rest."""
        handlers = {HTTPException: answer_http_exception}
        return self._around(MaskedFailures(ExceptionMiddleware(self.router, handlers)))
