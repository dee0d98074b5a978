"""GraphQL over WebSocket: the graphql-transport-ws protocol, signed in by its first message."""

from collections.abc import Callable, Collection
from datetime import timedelta
from json import JSONDecodeError

import orjson
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry import UNSET, Schema
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ErrorMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types.unset import UnsetType

from schema.context import Context
from schema.errors import ErrorCode, RequestRefused
from schema.guessing import TooManyGuesses
from schema.http import Authenticate, HTTPRefused, refuse_null_characters
from schema.proxy import address_of
from schema.trusted_documents import DocumentSource, asked_id

INIT_TIMEOUT = timedelta(seconds=10)
MOST_SUBSCRIPTIONS = 50


class _Handler(BaseGraphQLTransportWSHandler[Context, None]):
    """Speaks the protocol with one client."""

    view: "GraphQLSocket"

    async def handle_message(self, message: Message) -> None:
        """Refuse messages of another shape, which Strawberry takes for granted."""
        try:
            await super().handle_message(message)
        except (AttributeError, TypeError):
            await self.handle_invalid_message("Failed to parse message")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Start an operation, unless the token has expired or was revoked meanwhile."""
        if self.connection_acknowledged and not await self.view.sign_in(self.context):
            await self.websocket.close(code=4403, reason="Forbidden")
            return
        payload = message["payload"]
        query, variables = payload.get("query"), payload.get("variables")
        if not isinstance(query, str | None) or not isinstance(variables, dict | None):
            await self.handle_invalid_message("Invalid subscribe payload")
            return
        try:
            document_id = asked_id(payload.get("documentId"), payload.get("extensions"))
            payload["query"] = self.view.documents.find(query, document_id).text
        except RequestRefused as refused:
            if refused.code is ErrorCode.BAD_REQUEST:
                await self.handle_invalid_message(refused.message)
                return
            answer: ErrorMessage = {
                "id": message["id"],
                "type": "error",
                "payload": [refused.formatted],
            }
            await self.send_message(answer)
            return
        await super().handle_subscribe(message)

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:  # noqa: ARG004  # Strawberry's signature
        """Answer what is wrong with a document in its own operation; the others go on."""
        return None


class GraphQLSocket(GraphQL[Context, None]):
    """Serves subscriptions, queries and mutations over one connection.

    The bearer token comes as `Authorization` in the payload of `connection_init`, or as a header
    of the upgrade request; a connection without a valid one is closed with 4403. The upgrade by a
    page of another origin than ours and the allowed ones is refused; programs send no origin.
    """

    graphql_transport_ws_handler_class = _Handler

    def __init__(
        self,
        schema: Schema,
        authenticate: Authenticate,
        make_context: Callable[[str], Context],
        documents: DocumentSource,
        origins: Collection[str] = (),
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=INIT_TIMEOUT,
            max_subscriptions_per_connection=MOST_SUBSCRIPTIONS,
            allowed_origins=tuple(origins),
        )
        self.documents = documents
        self._authenticate = authenticate
        self._make_context = make_context

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002  # Strawberry's signature
    ) -> Context:
        """Make the context of a connection, not signed in yet."""
        context = self._make_context(request.state.request_id)
        context.authorization = request.headers.get("authorization")
        context.client_address = address_of(request.scope)
        context.sign_in_again = lambda: self.sign_in(context)
        return context

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Sign in, or reject the connection."""
        given = context.connection_params or {}
        header = given.get("Authorization", given.get("authorization", context.authorization))
        context.authorization = header if isinstance(header, str) else None
        if not await self.sign_in(context):
            raise ConnectionRejectionError
        acknowledgement: UnsetType = UNSET
        return acknowledgement

    async def sign_in(self, context: Context) -> bool:
        """Set whom the connection's token stands for, and tell whether it is still anybody."""
        try:
            context.principal = await self._authenticate(
                context.authorization, context.client_address
            )
        except TooManyGuesses:
            context.principal = None
        return context.principal is not None

    def encode_json(self, data: object) -> str:
        """Write a message as answers over HTTP are written; plans leave instants to it."""
        return orjson.dumps(data).decode()

    def decode_json(self, data: str | bytes) -> object:
        """Read a message; what can't be stored is refused as over HTTP."""
        text = data.encode() if isinstance(data, str) else data
        try:
            refuse_null_characters(text)
        except HTTPRefused as refused:
            raise JSONDecodeError(str(refused), "", 0) from refused
        try:
            return super().decode_json(data)
        except RecursionError:
            raise JSONDecodeError("nested too deeply", "", 0) from None
