/** A choice of one type of event, or of all types about one kind of object. */
import { useQuery } from 'urql'
import { useHeld } from '../app'
import { EventTypesDocument, type EventType } from '../generated/graphql'
import { words } from '../words'
import { SelectField, type SelectProps } from './form'

/** The types that the user may read. `customer` stands for all whose names begin with `customer.`. */
export function useEventTypes() {
  const held = useHeld()
  const [{ data }] = useQuery({ query: EventTypesDocument })
  const all = (data?.eventTypes ?? []).filter((one) => held.includes(one.needs))
  const kinds = new Set(all.map(({ name }) => name.replace(/\..*/, '')))
  const options = [
    ...[...kinds].map((kind) => [kind, `${words(kind)}: all`] as const),
    ...all.map(({ name, type }) => [name, words(type)] as const),
  ].sort()
  const chosenBy = (choice: string) => all.filter(({ name }) => `${name}.`.startsWith(`${choice}.`))
  /** The types of a choice as an argument; null for all. */
  const typesOf = (choice: string | null): EventType[] | null =>
    choice ? chosenBy(choice).map(({ type }) => type) : null
  return { isLoaded: data !== undefined, options, typesOf }
}

export function EventTypeField(props: Omit<SelectProps, 'options'>) {
  const { options } = useEventTypes()
  // Made anew once the types are there, so that the chosen one is shown.
  return <SelectField key={options.length} {...props} empty="All types" options={options} />
}
