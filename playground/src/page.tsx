// The page: a form that asks for a token, and the playground once there is one.
import { type FormEvent, lazy, Suspense, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { keepToken, keptToken, takeToken } from './token';

const Playground = lazy(() => import('./playground')); // 3 MB, which the form does not need

function Page() {
  const [token, setToken] = useState(keptToken);
  const [refused, setRefused] = useState(false);

  useEffect(() => {
    // A link with a token that is opened where the page is already open changes the fragment only.
    function takeNewToken() {
      takeToken();
      setToken(keptToken());
    }
    addEventListener('hashchange', takeNewToken);
    return () => removeEventListener('hashchange', takeNewToken);
  }, []);

  function signIn(given: string, wasRefused = false) {
    keepToken(given);
    setRefused(wasRefused);
    setToken(keptToken());
  }

  if (token === '') return <SignIn isRefused={refused} onToken={signIn} />;
  // The key makes a new playground for each token, which asks for the schema again.
  return (
    <Suspense fallback={<p className="notice">Loading the playground …</p>}>
      <Playground key={token} token={token} onLeave={isRefused => signIn('', isRefused)} />
    </Suspense>
  );
}

function SignIn({ isRefused, onToken }: { isRefused: boolean; onToken(token: string): void }) {
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    onToken(String(new FormData(event.currentTarget).get('token')));
  }
  return (
    <form className="sign-in" onSubmit={submit}>
      <h1>Playground</h1>
      <label htmlFor="token">Access token</label>
      <input id="token" name="token" type="password" autoComplete="off" required autoFocus />
      {isRefused && <p role="alert">The API does not accept this token: it is wrong or has ended.</p>}
      <p>
        It begins with <code>ccl_</code>. A local server prints a link with a token when it starts;
        elsewhere an administrator issues one. This tab forgets it when you close the tab.
      </p>
      <button type="submit">Open the playground</button>
      <a href="../">About this API</a>
    </form>
  );
}

createRoot(document.getElementById('root')!).render(<Page />);
