"""GraphQL over WebSocket by the graphql-transport-ws protocol; the first message signs in."""

from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import Any, cast

import orjson
import structlog
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry import UNSET
from strawberry.asgi import GraphQL
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    ErrorMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UnsetType

from models.storage.database_faults import fault_of
from models.storage.fault_log import report
from models.tables.access import Principal
from schema.base.context import Context
from schema.base.errors import ErrorCode, RequestRefused, unavailable
from schema.base.request_notes import (
    RequestNotes,
    current_notes,
    note_errors,
    notes_of_operation,
)
from schema.base.request_slot import Limiters
from schema.engine.document_reader import LONG_JSON
from schema.engine.known_operations import known_operation
from schema.engine.served_schema import CustomerClassesSchema
from schema.engine.trusted_documents import DocumentSource, asked_id
from web.auth_failure_limiter import TooManyAuthFailures
from web.close_codes import (
    MAX_REASON,
    MESSAGE_TOO_BIG,
    POLICY_VIOLATION,
    REASONS,
    TRY_AGAIN_LATER,
    UNAUTHORISED,
    SessionEnd,
)
from web.cors import Cors
from web.proxy import address_of
from web.refusals import in_one_line
from web.request_ids import Log
from web.request_json import UnusableJSON, is_operation_id, read_json
from web.sign_in import Authenticate, SignInUnavailable
from web.socket_sessions import SocketSessions, TooManySessions
from web.websocket_adapter import WebSocketAdapter

log = structlog.get_logger(__name__)

INIT_TIMEOUT = timedelta(seconds=10)

MAX_MESSAGES_BEFORE_SIGN_IN = 20
MAX_CHARACTERS_BEFORE_SIGN_IN = 32 * 1024
"""The maximum number of characters of a message before the sign-in: twice the longest token."""

UNREAD = ("ping", "pong")
"""Types of messages whose payloads are ignored."""


class NotSignedIn(Exception):
    """The first message of a connection has no valid token."""


class _Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """Handles the graphql-transport-ws protocol with one client."""

    view: "GraphQLSocket"
    _has_signed_in = False
    _messages_before_sign_in = 0
    _asked = 0.0
    """When the message that is being handled was received, by `perf_counter`."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.context.sign_in_again = self.sign_in

    @property
    def running(self) -> int:
        """The number of operations that are running."""
        return len(self.operations)

    def set_principal(self, principal: Principal) -> None:
        """Set the principal of operations that begin from now on."""
        self.context.principal = principal

    async def sign_in(self) -> bool:
        """Sign in with the credential in the context; return whether it is valid.

        Later calls return whether the credential still has all its permissions.
        """
        sessions, authorization = self.view.sessions, self.context.authorization
        if self._has_signed_in:
            return await sessions.check(authorization)
        principal = await self.view.authenticate(authorization, self.context.client_address)
        if principal is None or authorization is None:
            return False
        sessions.add(authorization, principal, self)
        self._has_signed_in = True
        return True

    async def end(self, ending: SessionEnd) -> None:
        """End running operations, and close the WebSocket."""
        ended = list(self.operations.values())
        for operation in ended:
            if operation.task is not None:
                operation.task.cancel()
        with suppress(WebSocketDisconnected, RuntimeError):  # the client may have disconnected
            for operation in ended:
                if ending.is_resumable and self._is_subscription(operation):
                    continue
                if operation.id in self.operations:  # the client may have completed it meanwhile
                    await operation.send_initial_errors([ending.refusal])
            await self.close(ending.code, ending.refusal.message)

    def _is_subscription(self, operation: Operation[Context, None]) -> bool:
        document = self.view.parsed.get(operation.query)
        if document is None:
            return False
        known = known_operation(document, operation.query, operation.operation_name)
        return known is not None and known.type is OperationType.SUBSCRIPTION

    async def close(self, code: int, reason: str = "") -> None:
        """Close the WebSocket with a code, and a reason, by default the one in REASONS."""
        await self.websocket.close(code=code, reason=reason or REASONS[code])

    async def shutdown(self) -> None:
        """Remove the session after the WebSocket was closed."""
        self.view.sessions.remove(self.context.authorization, self)
        await super().shutdown()

    async def handle_message(self, message: Message) -> None:
        """Parse and handle a message; if a payload is unusable, only its operation fails."""
        self._asked = perf_counter()
        text = str(message)  # still JSON text: `decode_json` does not parse messages
        if not self.connection_acknowledged:
            self._messages_before_sign_in += 1
            if self._messages_before_sign_in > MAX_MESSAGES_BEFORE_SIGN_IN:
                await self.close(POLICY_VIOLATION)
                return
            if len(text) > MAX_CHARACTERS_BEFORE_SIGN_IN:
                await self.close(MESSAGE_TOO_BIG)
                return
        try:
            read = partial(read_json, text.encode())
            if len(text) >= LONG_JSON:
                parsed = await self.view.read_message(self.context, read)
                await super().handle_message(cast("Message", parsed))
                return
            async with self.context.reading_share():
                await super().handle_message(cast("Message", read()))
        except UnusableJSON as unusable:
            await self.handle_unusable(unusable)
        except (AttributeError, TypeError):  # Strawberry does not check the shape of a message
            await self.handle_invalid_message("Failed to parse message")

    async def handle_unusable(self, unusable: UnusableJSON) -> None:
        """Fail the operation whose payload is unusable; close if there is no such operation.

        A ping or pong is handled as usual, since its payload is ignored.
        """
        message, is_payload = unusable.parsed, unusable.place[:1] == ("payload",)
        if is_payload and message.get("type") in UNREAD:
            await super().handle_message(message)
            return
        is_of_operation = is_payload and message.get("type") == "subscribe"
        if not is_of_operation or not is_operation_id(message.get("id")):
            await self.handle_invalid_message(unusable.message)
        elif not self.connection_acknowledged or message["id"] in self.operations:
            await super().handle_subscribe(message)  # this closes the connection
        else:
            refused = RequestRefused(ErrorCode.BAD_REQUEST, unusable.message)
            await self.refuse(message, refused)

    async def handle_invalid_message(self, error_message: str) -> None:
        """Close the WebSocket with an error message as the reason, cut to MAX_REASON bytes."""
        reason = error_message.encode(errors="replace")[:MAX_REASON].decode(errors="ignore")
        await super().handle_invalid_message(reason)

    async def handle_task_exception(self, error: Exception) -> None:
        """Log the error that ended an operation; a disconnected client is not an error."""
        if isinstance(error, WebSocketDisconnected):
            log.info("client_gone")
        else:
            await super().handle_task_exception(error)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Sign the client in, or close the connection."""
        try:
            await super().handle_connection_init(message)
        except SignInUnavailable:
            await self.close(TRY_AGAIN_LATER)
        except TooManyAuthFailures as error:
            await self.close(TRY_AGAIN_LATER, in_one_line(error.refusal))
        except TooManySessions:
            await self.close(TRY_AGAIN_LATER, "Too many connections")
        except NotSignedIn:
            await self.close(UNAUTHORISED)
        except Exception as error:
            if fault_of(error) is None:
                raise
            report("sign_in_failed", error)
            await self.close(TRY_AGAIN_LATER)

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Start an operation, unless the credential has ended or runs too many operations."""
        if self.connection_acknowledged and not await self._is_still_signed_in(message):
            return  # the connection is being closed, or the operation was refused
        payload = message["payload"]
        query, variables = payload.get("query"), payload.get("variables")
        is_named = isinstance(payload.get("operationName"), str | None)
        is_formed = isinstance(query, str | None) and isinstance(variables, dict | None)
        if not is_formed or not is_named or not is_operation_id(message["id"]):
            await self.handle_invalid_message("Invalid subscribe payload")
            return
        try:
            document_id = asked_id(payload.get("documentId"), payload.get("extensions"))
            owner = self.context.caller
            payload["query"] = self.view.documents.find(query, document_id, owner).text
        except RequestRefused as refused:
            if refused.code is ErrorCode.BAD_REQUEST:
                await self.handle_invalid_message(refused.message)
                return
            await self.refuse(message, refused)
            return
        principal = self.context.principal
        if principal is not None and message["id"] not in self.operations:
            try:
                self.view.sessions.check_operation_limits(principal, self)
            except RequestRefused as refused:
                await self.refuse(message, refused)
                return
        await super().handle_subscribe(message)

    async def _is_still_signed_in(self, message: SubscribeMessage) -> bool:
        """Return whether the client's credential is still valid.

        If the database does not answer, refuse the operation and return False.
        """
        try:
            return await self.sign_in()
        except Exception as error:
            fault = fault_of(error)
            if fault is None:
                raise
            report("sign_in_failed", error)
            text, extensions = unavailable(fault)
            await self.refuse(message, GraphQLError(text, extensions=extensions))
            return False

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Run an operation, and log how it ended."""
        context, started = self.context, perf_counter()
        with self._noted() as notes:
            ended = "failed"
            try:
                await super().run_operation(operation)
                ended = "completed" if operation.completed else "closed"
            except CancelledError:  # the client completed the operation, or the connection ended
                ended = "cancelled"
                raise
            finally:
                ms = (perf_counter() - started) * 1000
                self.view.log.operation(notes, context.request_id, ms, ended)

    async def send_message(self, message: Message) -> None:
        """Send a message; count results and note errors for the log."""
        notes = current_notes()
        if notes is not None and message["type"] == "next":
            notes.events += 1
            note_errors(message["payload"].get("errors", ()))
        elif message["type"] == "error":
            note_errors(message["payload"])
        await super().send_message(message)

    async def refuse(self, message: SubscribeMessage, refused: GraphQLError) -> None:
        """Refuse the operation of a `subscribe` message with the error `refused`, and log that."""
        error: ErrorMessage = {"id": message["id"], "type": "error", "payload": [refused.formatted]}
        context = self.context
        with self._noted() as notes:
            try:
                await self.send_message(error)
            finally:
                ms = (perf_counter() - self._asked) * 1000
                self.view.log.operation(notes, context.request_id, ms, "refused")

    @contextmanager
    def _noted(self) -> Iterator[RequestNotes]:
        context = self.context
        with (
            self.view.log.running(context.traceparent),
            notes_of_operation(context.client_address, context.principal) as notes,
        ):
            yield notes

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:  # noqa: ARG004  # Strawberry's signature
        """Return None: an error in a document ends its operation only, not the connection."""
        return None


class GraphQLSocket(GraphQL[Context, None]):
    """Serves subscriptions, queries and mutations over WebSockets.

    The bearer token is sent as `Authorization`: in the payload of `connection_init`, or as a header
    of the upgrade request. Without a valid token the connection is closed with code 4401; an open
    one is closed with 4403 when its token ends or loses a permission. Upgrades from web pages are
    refused unless `cors` allows the page's origin; programs other than browsers send no origin.
    """

    graphql_transport_ws_handler_class = _Handler
    websocket_adapter_class = WebSocketAdapter

    def __init__(
        self,
        schema: CustomerClassesSchema,
        authenticate: Authenticate,
        make_context: Callable[[str], Context],
        limiters: Limiters,
        sessions: SocketSessions,
        documents: DocumentSource,
        cors: Cors,
        *,
        log: Log,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=INIT_TIMEOUT,
        )
        self.log = log
        self._cors = cors
        self.documents = documents
        self.parsed = schema.documents
        self.read_message = schema.read_message
        self.authenticate = authenticate
        self.sessions = sessions
        self._limiters = limiters
        self._make_context = make_context

    def is_websocket_origin_allowed(self, request: WebSocket, origin: str) -> bool:  # noqa: ARG002  # Strawberry's signature
        return self._cors.allows_socket(origin)

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002  # Strawberry's signature
    ) -> Context:
        """Return the context of a connection that has not signed in yet."""
        context = self._make_context(request.state.request_id)
        context.authorization = request.headers.get("authorization")
        context.traceparent = request.headers.get("traceparent")
        context.limiters = self._limiters
        context.client_address = address_of(request.scope)
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Sign the client in, or reject the connection."""
        given = context.connection_params or {}
        header = given.get("Authorization", given.get("authorization", context.authorization))
        context.authorization = header if isinstance(header, str) else None
        traceparent = given.get("traceparent", context.traceparent)
        context.traceparent = traceparent if isinstance(traceparent, str) else None
        if context.sign_in_again is None or not await context.sign_in_again():
            raise NotSignedIn
        acknowledgement: UnsetType = UNSET
        return acknowledgement

    def encode_json(self, data: object) -> str:
        """Return a message as JSON, encoded as over HTTP; note its size for the log."""
        text = orjson.dumps(data)
        notes = current_notes()
        if notes is not None:
            notes.bytes += len(text)
        return text.decode()

    def decode_json(self, data: str | bytes) -> object:
        """Return the text of a message; the handler parses it later, within the caller's slot."""
        return data
