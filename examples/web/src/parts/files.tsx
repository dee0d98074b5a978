/** Files go over HTTP, to and from addresses of their own. */
import { useState, type ReactNode } from 'react'
import { readToken } from '../token'
import { Button } from './page'

/** Send a request with the token. If it fails or is refused, throw an error whose message can be shown. */
export async function callApi(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...init.headers, Authorization: `Bearer ${readToken()}` }
  const response = await fetch(path, { ...init, headers }).catch(() => {
    throw new Error('The API cannot be reached. Check that it runs, and try again.')
  })
  if (response.ok) return response
  const { errors } = (await response.json()) as { errors: [{ message: string }] }
  throw new Error(errors[0].message)
}

/** Downloads need the token too, so a plain link does not do. */
export function Download({ path, name, children }: { path: string; name: string; children: ReactNode }) {
  const [problem, setProblem] = useState<string | null>(null)

  async function download() {
    setProblem(null)
    const response = await callApi(path)
    const link = document.createElement('a')
    link.href = URL.createObjectURL(await response.blob())
    link.download = name
    link.click()
    URL.revokeObjectURL(link.href)
  }

  return (
    <>
      <Button onClick={() => void download().catch((error: Error) => setProblem(error.message))}>{children}</Button>
      {problem && (
        <p role="alert" className="problem">{problem}</p>
      )}
    </>
  )
}
