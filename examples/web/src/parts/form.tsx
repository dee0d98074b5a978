/** Forms: each fault that the API tells is shown at its field, and in a summary above the form. */
import { createContext, useContext, useEffect, useId, useRef, useState, type ReactNode } from 'react'
import { useMutation, useQuery, type AnyVariables, type CombinedError, type TypedDocumentNode } from 'urql'
import { ClassNamesDocument, type FaultsFragment } from '../generated/graphql'
import { go, useRoute } from '../router'
import { inOurWords } from '../words'
import { messageOf } from './page'

export type Fault = Pick<FaultsFragment, 'message' | 'path'> & Partial<Pick<FaultsFragment, 'code' | 'limit'>>
type Payload = { userErrors: readonly Fault[] }

/**
 * A mutation, and the faults that it last told. `act` returns the payload, or undefined if nothing
 * was changed.
 */
export function useAct<Data extends Record<string, Payload | null>, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
) {
  const [{ fetching }, execute] = useMutation(document)
  const [faults, setFaults] = useState<readonly Fault[]>([])

  async function act(variables: Variables): Promise<NonNullable<Data[keyof Data]> | undefined> {
    const { data, error } = await execute(variables)
    const payload = data && Object.values(data)[0]
    const all = error && !payload ? refusalOf(error) : (payload?.userErrors ?? [])
    setFaults(all.map(inOurWords))
    return all.length === 0 && payload ? (payload as NonNullable<Data[keyof Data]>) : undefined
  }

  return { act, faults, isSending: fetching }
}

/** The faults of a refused request: those of values that have the wrong type, or its message. */
function refusalOf(error: CombinedError): readonly Fault[] {
  const faults = error.graphQLErrors.flatMap((one) => (one.extensions.faults ?? []) as Fault[])
  return faults.length > 0 ? faults : [{ message: messageOf(error), path: null }]
}

const Faults = createContext<readonly Fault[]>([])

/** The name of the form field that a fault belongs to: `profile.netAssets.value`. */
const fieldOf = (fault: Fault) => (fault.path ?? []).join('.')

export function Form(props: {
  label: string
  submit: string
  faults?: readonly Fault[]
  isSending?: boolean
  onSubmit: (data: FormData) => unknown
  /** Further buttons, which can read what was typed. */
  extra?: ((data: () => FormData) => ReactNode) | undefined
  children: ReactNode
}) {
  const { faults = [], isSending = false } = props
  const form = useRef<HTMLFormElement>(null)
  function send(event: React.SubmitEvent<HTMLFormElement>) {
    event.preventDefault()
    props.onSubmit(new FormData(event.currentTarget))
  }
  function jump(name: string) {
    const field = form.current?.elements.namedItem(name)
    if (field instanceof HTMLElement) field.focus()
  }
  return (
    <form ref={form} aria-label={props.label} noValidate onSubmit={send}>
      <FaultSummary faults={faults} onJump={jump} />
      <Faults value={faults}>{props.children}</Faults>
      <p className="actions">
        <button type="submit" className="primary" aria-disabled={isSending}>{props.submit}</button>
        {props.extra?.(() => new FormData(form.current ?? undefined))}
      </p>
    </form>
  )
}

/** A form whose fields are the parameters of the page; it is made anew when the address changes. */
export function FilterForm({ label, children }: { label: string; children: ReactNode }) {
  const { path, query } = useRoute()
  const show = (data: FormData) =>
    go(path.join('/'), Object.fromEntries([...data.keys()].map((name) => [name, textOf(data, name)])))
  return (
    <Form key={String(query)} label={label} submit="Show" onSubmit={show}>
      <div className="row">{children}</div>
    </Form>
  )
}

export function FaultSummary(props: { faults: readonly Fault[]; onJump?: (name: string) => void }) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => box.current?.focus(), [props.faults])
  if (props.faults.length === 0) return null
  return (
    <div ref={box} role="alert" tabIndex={-1} className="problem">
      <p>Nothing was saved.</p>
      <ul>
        {props.faults.map((fault, index) => (
          <li key={index}>
            {props.onJump && fieldOf(fault) ? (
              <button type="button" className="link" onClick={() => props.onJump?.(fieldOf(fault))}>
                {fault.message}
              </button>
            ) : (
              fault.message
            )}
          </li>
        ))}
      </ul>
    </div>
  )
}

type FieldProps = { name: string; label: string; hint?: string }

/** Label, hint and faults around an input, tied together for screen readers. */
function Labelled(props: FieldProps & { children: (attributes: InputAttributes) => ReactNode }) {
  const id = useId()
  const faults = useContext(Faults).filter((fault) => fieldOf(fault) === props.name)
  const hintId = props.hint ? `${id}-hint` : undefined
  const faultId = faults.length > 0 ? `${id}-fault` : undefined
  return (
    <div className="field">
      <label htmlFor={id}>{props.label}</label>
      {props.hint && <small id={hintId}>{props.hint}</small>}
      {faults.length > 0 && (
        <strong id={faultId} className="fault">{faults.map((fault) => fault.message).join(' ')}</strong>
      )}
      {props.children({
        id,
        name: props.name,
        'aria-invalid': faults.length > 0,
        'aria-describedby': [hintId, faultId].filter(Boolean).join(' ') || undefined,
      })}
    </div>
  )
}

type InputAttributes = {
  id: string
  name: string
  'aria-invalid': boolean
  'aria-describedby': string | undefined
}

export function TextField(
  props: FieldProps & {
    value?: string | number | null | undefined
    type?: 'text' | 'search' | 'email' | 'url' | 'date' | 'datetime-local' | 'password' | 'file'
    inputMode?: 'numeric' | 'decimal'
    accept?: string
  },
) {
  const { type = 'text', value, inputMode, accept } = props
  const given = { type, inputMode, accept, defaultValue: value ?? '' }
  return <Labelled {...props}>{(attributes) => <input {...attributes} {...given} autoComplete="off" />}</Labelled>
}

export type SelectProps = FieldProps & {
  options: readonly (readonly [value: string, label: string])[]
  value?: string | null | undefined
  empty?: string
  onChange?: (value: string) => void
}

/** A value from the address that is no option is shown as one, so that nobody overlooks that it counts. */
export function SelectField(props: SelectProps) {
  const { value, options } = props
  const isUnknown = value && options.length > 0 && options.every(([known]) => known !== value)
  return (
    <Labelled {...props}>
      {(attributes) => (
        <select
          {...attributes}
          defaultValue={value ?? ''}
          onChange={(event) => props.onChange?.(event.target.value)}
        >
          {props.empty !== undefined && <option value="">{props.empty}</option>}
          {isUnknown && <option value={value}>Unknown: {value}</option>}
          {options.map(([known, label]) => <option key={known} value={known}>{label}</option>)}
        </select>
      )}
    </Labelled>
  )
}

/** A choice among the active classes, except for the one with the id `without`. */
export function ClassField({ without, ...props }: Omit<SelectProps, 'options'> & { without?: string }) {
  const [{ data }] = useQuery({ query: ClassNamesDocument })
  const classes = (data?.customerClasses?.nodes ?? []).filter((one) => one.id !== without)
  // Made anew once the classes are there, so that the chosen one is shown.
  return <SelectField key={classes.length} {...props} options={classes.map((one) => [one.id, one.name])} />
}

export function CheckField(props: { name: string; label: string; checked?: boolean; value?: string }) {
  const faults = useContext(Faults).filter((fault) => fieldOf(fault) === props.name)
  return (
    <div className="field">
      <label className="check">
        <input
          type="checkbox"
          name={props.name}
          value={props.value ?? 'on'}
          defaultChecked={props.checked}
          aria-invalid={faults.length > 0}
        />
        {props.label}
      </label>
      {faults.map((fault) => (
        <strong key={fault.message} className="fault">{fault.message}</strong>
      ))}
    </div>
  )
}

/** The text of a field; null if it is empty, which clears the value. */
export function textOf(data: FormData, name: string): string | null {
  const value = data.get(name)
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : null
}

/** The number of a field. Text that is no number is sent as it is, for the API to tell its fault. */
export function numberOf(data: FormData, name: string): number | null {
  const text = textOf(data, name)
  if (text === null) return null
  const number = Number(text.replaceAll(',', ''))
  return Number.isNaN(number) ? (text as unknown as number) : number
}

/** The instant of a `datetime-local` field; null if it is empty. */
export function instantOf(data: FormData, name: string): string | null {
  const text = textOf(data, name)
  return text === null ? null : new Date(text).toISOString()
}
