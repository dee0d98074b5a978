import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const API = 'http://127.0.0.1:8000'; // where `make run` serves it
const SMALLEST = 1000; // bytes; smaller files are not worth a second copy
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };

/** Write a brotli and a gzip copy beside each built file, so that the server need not compress. */
function compressed(): Plugin {
  let folder = '';
  return {
    name: 'compressed',
    apply: 'build',
    configResolved: config => void (folder = config.build.outDir),
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(html|js|css|ttf)$/.test(name)) continue;
        const content = readFileSync(join(folder, name));
        if (content.length < SMALLEST) continue;
        writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content, BROTLI));
        writeFileSync(join(folder, `${name}.gz`), gzipSync(content));
      }
    },
  };
}

/**
 * Name each tab by the heading of its document, a first line such as `# Webhooks` and an empty one.
 *
 * GraphiQL has no setting for this: it names a tab by the operation at the cursor. This changes the
 * three places that do so, and fails if another version of GraphiQL has others.
 */
function topicsAsTitles(): Plugin {
  return {
    name: 'topics-as-titles',
    transform(code, id) {
      if (!id.endsWith('@graphiql/react/dist/utility/tabs.js')) return;
      const [parts, heading] = [code.split('title: '), (query: string) => `/^# (.+)\\n#\\n/.exec(${query})?.[1]`];
      if (parts.length !== 4) throw new Error('GraphiQL names its tabs in another way than expected.');
      const [start, stored, made, changed] = parts;
      return [start, `${heading('query')} || ${stored}`, `${heading('query')} || ${made}`]
        .concat(`${heading('newTab.query')} || ${changed}`)
        .join('title: ');
    },
  };
}

export default defineConfig({
  base: './', // so that the page works below any path
  plugins: [compressed(), topicsAsTitles()],
  worker: { format: 'es' },
  server: { proxy: { '/graphql': { target: API, ws: true }, '/schema.graphql': API } },
  build: {
    outDir: '../build/playground',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 4000,
    rollupOptions: {
      onwarn(warning, warn) {
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning); // "use client", which no bundle needs
      },
    },
  },
});
