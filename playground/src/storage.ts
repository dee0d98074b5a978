// Where the playground keeps tabs and history. Request headers may hold a token, so they are left out.

/** localStorage without the headers that the history plugin would write into it. */
export const storage = {
  getItem: (key: string) => localStorage.getItem(key),
  setItem: (key: string, value: string) => localStorage.setItem(key, withoutHeaders(key, value)),
  removeItem: (key: string) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
  get length() {
    return localStorage.length;
  },
};

const WITH_HEADERS = ['graphiql:queries', 'graphiql:favorites', 'graphiql:tabState'];

function withoutHeaders(key: string, value: string): string {
  if (!WITH_HEADERS.includes(key)) return value;
  return JSON.stringify(JSON.parse(value), (name, held) => (name === 'headers' ? null : held));
}
