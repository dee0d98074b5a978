/** How values are written for people. */
import type { Fault } from './parts/form'

const SPECIAL: Record<string, string> = {
  CDR_ZIP: 'CDR ZIP',
  USER: 'typed by a user',
  REGISTER: 'Companies House',
  SANDBOX: 'sandbox (made up)',
}

/** `NEEDS_COMPANY_NUMBER` as “Needs company number”. */
export function words(code: string): string {
  const special = SPECIAL[code]
  if (special !== undefined) return special
  const text = code.toLowerCase().replaceAll('_', ' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Some faults in the words of a product, made of the code and the limit; others keep the API's. */
const OWN_WORDS: Record<string, (field: string, limit: number) => string> = {
  BLANK: (field) => `${field}: please fill this in.`,
  REQUIRED: (field) => `${field}: please fill this in.`,
  TOO_LONG: (field, limit) => `${field}: use at most ${count(limit, 'character')}.`,
}

/** A fault with its message in our own words; `companyNumber` is told as “Company number”. */
export function inOurWords(fault: Fault): Fault {
  const field = words((fault.path?.at(-1) ?? '').replace(/[A-Z]/g, '_$&'))
  const message = field && OWN_WORDS[fault.code ?? '']?.(field, Number(fault.limit))
  return message ? { ...fault, message } : fault
}

const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })
const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })

export const day = (on: string) => DATE.format(new Date(on))
export const time = (at: string) => TIME.format(new Date(at))

export const count = (number: number, one: string, many = `${one}s`) =>
  `${number.toLocaleString('en-GB')} ${number === 1 ? one : many}`
