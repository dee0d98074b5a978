"""Routes besides the GraphQL endpoint that need a valid token, and the whole application."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from models.tables.access import Principal
from models.tables.access import Scope as TokenScope
from schema.base.errors import ClientGone, ErrorCode, RequestRefused
from schema.base.request_slot import Limiters
from schema.engine.served_schema import CustomerClassesSchema
from web.auth_failure_limiter import TooManyAuthFailures
from web.compression import Compressed
from web.proxy import address_of
from web.refusals import MaskedFailures, answer_http_exception, refusal, refused_answer
from web.sign_in import Authenticate, SignInUnavailable

Answer = Callable[[Request], Awaitable[Response]]


class AuthenticatedRoute:
    """A route for callers whose token has all of `scopes`.

    `answer` is called while a slot of the concurrency limiter is held. The request's
    `state.principal` is the caller. The request's `state.part()` returns a context, which holds a
    slot, in which to create each later part of a streamed answer.
    """

    def __init__(
        self, authenticate: Authenticate, limiters: Limiters, answer: Answer, *scopes: TokenScope
    ) -> None:
        self._authenticate = authenticate
        self._limiters = limiters
        self._answer = answer
        self._scopes = scopes
        self._compressed = Compressed(self._respond)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse one request; the answer is compressed if the client accepts it."""
        await self._compressed(scope, receive, send)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
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

    async def principal_of(self, request: Request) -> Principal | None:
        """Return the caller; None without a valid credential. Subclasses may know others."""
        authorization = request.headers.get("authorization")
        return await self._authenticate(authorization, address_of(request.scope))

    async def _refused(self, request: Request) -> Response | None:
        try:
            principal = await self.principal_of(request)
        except (TooManyAuthFailures, SignInUnavailable) as error:
            return refused_answer(request, error.refusal)
        except RequestRefused as refused:
            return refused_answer(request, refused)
        if principal is None:
            headers = {"WWW-Authenticate": "Bearer"}
            return refusal(request, 401, "Sign in with a valid bearer token.", headers)
        missing = [one for one in self._scopes if not principal.may(one)]
        if missing:
            names = [one.name for one in missing]
            message = f"This needs the permission {', '.join(missing)}."
            return refusal(request, 403, message, details={"requiredScopes": names})
        request.state.principal = principal
        return None


def schema_route(
    authenticate: Authenticate, limiters: Limiters, schema: CustomerClassesSchema
) -> Route:
    """Return the route that serves the schema in SDL; it answers 403 if INTROSPECTION is off."""
    sdl = schema.sdl()

    async def print_schema(request: Request) -> Response:
        if schema.limits.introspection:
            return Response(f"{sdl}\n", media_type="text/plain")
        text = "This server does not show its schema."
        return refusal(request, 403, text, code=ErrorCode.INTROSPECTION_DISABLED)

    return Route(
        "/schema.graphql", AuthenticatedRoute(authenticate, limiters, print_schema), methods=["GET"]
    )


class Application(Starlette):
    """Starlette with our error answers; `around` wraps the application in another ASGI app."""

    def __init__(self, around: Callable[[ASGIApp], ASGIApp], **settings: Any) -> None:
        super().__init__(**settings)
        # A redirect would repeat a link's token and the client's Host header in its Location.
        self.router.redirect_slashes = False
        self._around = around

    def build_middleware_stack(self) -> ASGIApp:
        handlers = {HTTPException: answer_http_exception}
        return self._around(MaskedFailures(ExceptionMiddleware(self.router, handlers)))
