// Receives webhooks of the customer-classes API: verifies each, handles it once, and prints it.
// WEBHOOK_SECRET has the secret that the API showed when the endpoint was created or its secret was
// rotated; PORT is the port to listen on.
import { createServer, type IncomingMessage } from "node:http";
import { Webhook } from "standardwebhooks";

const MAX_BYTES = 64 * 1024;
const MAX_REMEMBERED = 10_000;

interface WebhookEvent {
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
}

const webhook = new Webhook(process.env.WEBHOOK_SECRET ?? "");
// In production, insert the id under a unique key, in the transaction that handles the event: then
// neither a restart nor a second process handles an event twice.
const handled = new Set<string>();

/** Returns the exact bytes of the body, which the signature covers; null if they are too many. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > MAX_BYTES) return null;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Returns the event of a genuine delivery; null if the signature or the body is wrong. */
function verified(body: Buffer, headers: IncomingMessage["headers"]): WebhookEvent | null {
  try {
    return webhook.verify(body, headers as Record<string, string>) as WebhookEvent;
  } catch {
    // The library raises other errors than its own too, for headers and bodies that are malformed.
    return null;
  }
}

/** Prints the event; a real receiver fetches the named object from the API. */
function handle(eventId: string, event: WebhookEvent): void {
  console.log(`received ${eventId} ${event.type} ${JSON.stringify(event.data)}`);
}

function remember(eventId: string): void {
  handled.add(eventId);
  if (handled.size > MAX_REMEMBERED) handled.delete(handled.values().next().value!);
}

async function answer(request: IncomingMessage): Promise<number> {
  if (request.method !== "POST" || request.url !== "/webhooks") return 404;
  const body = await bodyOf(request);
  if (body === null) return 413;
  const event = verified(body, request.headers);
  if (event === null) return 401;
  const eventId = request.headers["webhook-id"] as string;
  if (handled.has(eventId)) {
    console.log(`repeated ${eventId}`);
  } else {
    handle(eventId, event);
    remember(eventId);
  }
  return 204; // Answer at once. Do slow work afterwards, from a queue of your own.
}

const server = createServer((request, response) => {
  answer(request).then(
    (status) => response.writeHead(status, { connection: "close" }).end(),
    () => response.destroy(), // the sender broke off, and sends again
  );
});
server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object") console.log(`listening on ${address?.port}`);
});
