// The editor's GraphQL worker, corrected: an input field with a default value need not be among the variables.
// @ts-expect-error The package has no declarations of this module.
import { initialize } from 'monaco-editor/esm/vs/editor/editor.worker.js';
import { GraphQLWorker } from 'monaco-graphql/esm/GraphQLWorker.js';

type InputSchema = { required?: string[]; properties?: Record<string, object> };
type VariablesSchema = { definitions?: Record<string, InputSchema> };

class DefaultsAwareWorker extends GraphQLWorker {
  async doGetVariablesJSONSchema(uri: string) {
    const schema = await super.doGetVariablesJSONSchema(uri);
    const { definitions = {} } = (schema ?? {}) as VariablesSchema;
    for (const input of Object.values(definitions)) {
      const { required = [], properties = {} } = input;
      input.required = required.filter(name => !('default' in (properties[name] ?? {})));
    }
    return schema;
  }
}

globalThis.onmessage = () => {
  initialize((context: never, data: never) => new DefaultsAwareWorker(context, data));
};
