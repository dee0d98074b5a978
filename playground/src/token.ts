// The token, kept in this tab alone: in sessionStorage, never in localStorage.

const KEY = 'customer-classes:token';

/** Move a token from the fragment of the address, which no server and no log sees, into this tab. */
export function takeToken(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return;
  keepToken(token);
  history.replaceState(null, '', location.pathname + location.search);
}

export function keptToken(): string {
  return sessionStorage.getItem(KEY) ?? '';
}

/** Keep a token, or forget it if the text is empty. */
export function keepToken(token: string): void {
  if (token.trim() === '') sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token.trim());
}
