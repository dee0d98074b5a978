// Where the playground keeps tabs and history. Request headers may hold a token, so they are left out.

/** localStorage without the headers that the history plugin would write into it. */
export const storage = {
  getItem: (key: string) => localStorage.getItem(key),
  setItem(key: string, value: string) {
    if (!isSignedOut || !HELD.includes(key)) localStorage.setItem(key, withoutHeaders(key, value));
  },
  removeItem: (key: string) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  get length() {
    return localStorage.length;
  },
};

const WITH_HEADERS = ['graphiql:queries', 'graphiql:favorites', 'graphiql:tabState'];
const HELD = [...WITH_HEADERS, 'graphiql:query', 'graphiql:variables', 'graphiql:operationName'];
let isSignedOut = false; // GraphiQL writes with a delay, also after it has left the page

/** Keep what is typed and run from now on. */
export function openStorage(): void {
  isSignedOut = false;
}

/** Forget what was typed and run, which may name customers. */
export function clearStorage(): void {
  isSignedOut = true;
  for (const key of [...HELD, 'customer-classes:tabs']) localStorage.removeItem(key);
}

function withoutHeaders(key: string, value: string): string {
  if (!WITH_HEADERS.includes(key)) return value;
  return JSON.stringify(JSON.parse(value), (name, held) => (name === 'headers' ? null : held));
}
