/** Addresses in the hash, `#/customers/cus_…/consent?…`, which need nothing from the server. */
import { useMemo, useSyncExternalStore } from 'react'

function subscribe(listener: () => void) {
  addEventListener('hashchange', listener)
  return () => removeEventListener('hashchange', listener)
}

/** The parts of the path, and the parameters after the question mark. */
export function useRoute() {
  const hash = useSyncExternalStore(subscribe, () => location.hash)
  return useMemo(() => {
    const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?')
    return { path: path.split('/').filter(Boolean), query: new URLSearchParams(query) }
  }, [hash])
}

/** The address of a page; parameters without a value are left out. */
export function address(path: string, query: Record<string, string | null | undefined> = {}) {
  const given = Object.entries(query).flatMap(([name, value]) => (value ? [[name, value]] : []))
  const text = new URLSearchParams(given).toString()
  return `#/${path}${text ? `?${text}` : ''}`
}

export function go(path: string, query?: Record<string, string | null | undefined>) {
  location.hash = address(path, query)
}
