/** Takes the token from the address before anything else can read or log the address. */
import { saveToken } from './token'

const token = new URLSearchParams(location.hash.slice(1)).get('token')
if (token) {
  saveToken(token)
  history.replaceState(null, '', location.pathname + location.search)
}
void import('./main')
