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

const MONTH = new Intl.DateTimeFormat('en-GB', { month: 'short', year: '2-digit', timeZone: 'UTC' })
const BRIEF = new Intl.NumberFormat('en-GB', { notation: 'compact', maximumSignificantDigits: 2 })

/** With spaces at which no line breaks, as in a narrow column of a table. */
const unbroken = (text: string) => text.replaceAll(' ', '\u00a0')

export const day = (on: string) => DATE.format(new Date(on))
export const time = (at: string) => unbroken(TIME.format(new Date(at)))
export const month = (on: string) => unbroken(MONTH.format(new Date(on)))

/** A number for a chart, such as 1.2K. */
export const brief = (number: number) => BRIEF.format(number)

export const money = (amount: string, currency: string) =>
  new Intl.NumberFormat('en-GB', { style: 'currency', currency, maximumFractionDigits: 0 }).format(Number(amount))

/** Codes as the options of a field. */
export const options = (codes: readonly string[]) => codes.map((code) => [code, words(code)] as const)

export const number = (value: number | string) => Number(value).toLocaleString('en-GB')
export const count = (found: number, one: string, many = `${one}s`) => `${number(found)} ${found === 1 ? one : many}`
