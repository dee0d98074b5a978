/**
 * The access token, kept for this tab only.
 *
 * A product signs its users in with an identity provider instead; the API accepts its tokens too.
 */
const KEY = 'customer-classes-token'

export const readToken = () => sessionStorage.getItem(KEY)
export const saveToken = (token: string) => sessionStorage.setItem(KEY, token)
export const forgetToken = () => sessionStorage.removeItem(KEY)
