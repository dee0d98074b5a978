// The first tabs: the documents of ../operations, with ids of the samples as variables. Their first
// line names the tab; see ../vite.config.ts.
import type { GraphiQLProps } from 'graphiql';
import samplesQuery from '../operations/samples.graphql?raw';
import { askOnce } from './requests';

const DOCUMENTS = import.meta.glob<string>('../operations/[0-9]*.graphql', {
  query: '?raw',
  import: 'default',
  eager: true,
});
const VARIABLES = import.meta.glob<string>('../operations/[0-9]*.json', {
  query: '?raw',
  import: 'default',
  eager: true,
});
const PLACEHOLDER = /\{\{([\w.]+)\}\}/g; // {{plc.nodes.0.id}} is a path into the samples' answer

export type Tabs = NonNullable<GraphiQLProps['defaultTabs']>;

type Samples = { plc?: { nodes: { id: string }[] } | null } | null;

/**
 * Return a tab for each topic.
 *
 * GraphiQL shows these on a first visit only, and later the tabs that it has stored. So replace the
 * stored ones if the documents have changed, or if the samples are those of another database. What
 * was run before is still in the history.
 */
export async function topicTabs(token: string): Promise<Tabs> {
  const samples = (await askOnce(token, samplesQuery)) as Samples;
  const address = new URL('..', document.baseURI).href.replace(/\/$/, '');
  const tabs = Object.entries(DOCUMENTS).map(([path, query]) => ({
    query: query.replaceAll('{{address}}', address),
    variables: filled(VARIABLES[path.replace('.graphql', '.json')] ?? '', samples),
  }));
  const version = JSON.stringify([DOCUMENTS, VARIABLES, samples?.plc?.nodes[0]?.id]);
  if (localStorage.getItem('customer-classes:tabs') !== version) {
    localStorage.setItem('customer-classes:tabs', version);
    localStorage.removeItem('graphiql:tabState');
    // What the editors show at first is stored apart from the tabs.
    localStorage.setItem('graphiql:query', tabs[0]?.query ?? '');
    localStorage.setItem('graphiql:variables', tabs[0]?.variables ?? '');
  }
  return tabs;
}

/** Return a text with each placeholder replaced by the value at its path; empty if there is none. */
function filled(text: string, samples: unknown): string {
  return text.replace(PLACEHOLDER, (_, path: string) => String(valueAt(samples, path) ?? ''));
}

function valueAt(within: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((held, key) => (held as Record<string, unknown> | null)?.[key], within);
}
