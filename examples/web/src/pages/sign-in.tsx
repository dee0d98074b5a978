/** Asks for an access token. A product would send its users to an identity provider here. */
import { Form, TextField, textOf } from '../parts/form'
import { Page } from '../parts/page'

export function SignIn(props: { onSignIn: (token: string) => void; wasRefused: boolean }) {
  const faults = props.wasRefused
    ? [{ path: ['token'], message: 'The API does not accept this token. Check it, or get another.' }]
    : []
  return (
    <main id="main">
      <Page title="Sign in">
        <p>
          This is an example of a front end for the customer-classes API. <code>make run</code> prints a token
          that works for 30 days.
        </p>
        <Form
          label="Sign in"
          submit="Sign in"
          faults={faults}
          onSubmit={(data) => {
            const token = textOf(data, 'token')
            if (token) props.onSignIn(token)
          }}
        >
          <TextField name="token" label="Access token" type="password" hint="It begins with ccl_." />
        </Form>
      </Page>
    </main>
  )
}
