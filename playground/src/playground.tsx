// GraphiQL with the API's topics as tabs, a download of the schema, and a way to sign out.
import './workers'; // must come before GraphiQL
import './playground.css';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { GraphiQL } from 'graphiql';
import { useEffect, useMemo, useState } from 'react';
import { SCHEMA_URL, signedInFetcher } from './requests';
import { clearStorage, openStorage, storage } from './storage';
import { type Tabs, topicTabs } from './tabs';

const SCALARS = { JSON: { type: 'object' } } as const; // or the editor would want a string
const PLUGINS = [HISTORY_PLUGIN, explorerPlugin()];

type PlaygroundProps = { token: string; onLeave(isRefused: boolean): void };

export default function Playground({ token, onLeave }: PlaygroundProps) {
  const [tabs, setTabs] = useState<Tabs>();
  const fetcher = useMemo(() => signedInFetcher(token, () => onLeave(true)), [token]);
  useEffect(openStorage, []);
  useEffect(() => void topicTabs(token).then(setTabs, () => onLeave(true)), [token]);

  function signOut() {
    clearStorage();
    onLeave(false);
  }

  if (tabs === undefined) return <p className="notice">Loading the playground …</p>;
  return (
    <GraphiQL
      fetcher={fetcher}
      defaultTabs={tabs}
      plugins={PLUGINS}
      customScalarSchemas={SCALARS}
      storage={storage}
      defaultEditorToolsVisibility="variables"
      shouldPersistHeaders={false}
      showPersistHeadersSettings={false}
      schemaDescription
      inputValueDeprecation
    >
      <GraphiQL.Logo>
        <h1 className="title">
          <a href="../">customer-classes</a>
        </h1>
      </GraphiQL.Logo>
      <GraphiQL.Footer>
        <p className="footer">
          <button type="button" onClick={() => void saveSchema(token)}>
            Download the schema
          </button>
          <button type="button" onClick={signOut}>
            Sign out
          </button>
        </p>
        <SystemColours />
      </GraphiQL.Footer>
    </GraphiQL>
  );
}

/** Let the editors follow when the system changes between light and dark; GraphiQL's page does by itself. */
function SystemColours() {
  const theme = useGraphiQL(state => state.theme);
  const { setTheme } = useGraphiQLActions();
  useEffect(() => {
    if (theme !== null) return; // the user has chosen one
    const system = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => setTheme(null);
    system.addEventListener('change', follow);
    return () => system.removeEventListener('change', follow);
  }, [theme, setTheme]);
  return null;
}

/** Download the schema; a link could not, since it would send no token. */
async function saveSchema(token: string): Promise<void> {
  const answer = await fetch(SCHEMA_URL, { headers: { authorization: `Bearer ${token}` } });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await answer.blob());
  link.download = 'schema.graphql';
  link.click();
  URL.revokeObjectURL(link.href);
}
