"""Routes other than GraphQL that need a valid token, and the application with all routes."""

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


class AuthenticatedRoute:
    """A route for callers whose token has all of `scopes`.

    `answer` is called within a slot of the concurrency limiter. The request's `state.principal` is
    the caller. The request's `state.part()` returns the context in which to create each later part
    of a streamed answer.
    """

    def __init__(
        self, authenticate: Authenticate, limiters: Limiters, answer: Answer, *scopes: TokenScope
    ) -> None:
        self._authenticate = authenticate
        self._limiters = limiters
        self._answer = answer
        self._scopes = scopes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request."""
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
            return refusal(
                request, 400, "The client has disconnected."
            )  # the client has disconnected, so nobody reads this
        except RequestRefused as refused:
            return refused_answer(request, refused)

    async def _refused(self, request: Request) -> Response | None:
        authorization = request.headers.get("authorization")
        try:
            principal = await self._authenticate(authorization, address_of(request.scope))
        except (TooManyAuthFailures, SignInUnavailable) as error:
            return refused_answer(request, error.refusal)
        if principal is None:
            headers = {"WWW-Authenticate": "Bearer"}
            return refusal(request, 401, "Sign in with a valid bearer token.", headers)
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
    """Return the route that serves the schema in SDL; it answers 403 if INTROSPECTION is off."""
    sdl = _printed(schema)

    async def print_schema(request: Request) -> Response:
        if schema.limits.introspection:
            return Response(sdl, media_type="text/plain")
        text = "This server does not show its schema."
        return refusal(request, 403, text, code=ErrorCode.INTROSPECTION_DISABLED)

    return Route(
        "/schema.graphql", AuthenticatedRoute(authenticate, limiters, print_schema), methods=["GET"]
    )


class Application(Starlette):
    """Starlette with our error answers; `around` wraps the whole application in another app."""

    def __init__(self, around: Callable[[ASGIApp], ASGIApp], **settings: Any) -> None:
        super().__init__(**settings)
        # A redirect would repeat a link's token and the client's Host header in its address.
        self.router.redirect_slashes = False
        self._around = around

    def build_middleware_stack(self) -> ASGIApp:
        handlers = {HTTPException: answer_http_exception}
        return self._around(MaskedFailures(ExceptionMiddleware(self.router, handlers)))
