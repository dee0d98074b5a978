/** Shows the sign-in page, or the front end to who has signed in. */
import { StrictMode, useMemo, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { Provider } from 'urql'
import { App } from './app'
import { createApiClient } from './client'
import { SignIn } from './pages/sign-in'
import './style.css'
import { forgetToken, readToken, saveToken } from './token'

function Main() {
  const [token, setToken] = useState(readToken)
  const [wasRefused, setRefused] = useState(false)
  const client = useMemo(() => {
    if (token === null) return null
    return createApiClient(token, () => end(true))
  }, [token])

  function start(given: string) {
    saveToken(given)
    setRefused(false)
    setToken(given)
  }

  function end(isRefused: boolean) {
    forgetToken()
    setRefused(isRefused)
    setToken(null)
  }

  if (client === null) return <SignIn onSignIn={start} wasRefused={wasRefused} />
  return (
    <Provider value={client}><App onSignOut={() => end(false)} /></Provider>
  )
}

const root = document.getElementById('root')
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Main />
    </StrictMode>,
  )
}
