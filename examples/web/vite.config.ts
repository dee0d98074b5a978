import { defineConfig } from 'vite'

/** The API answers under the page's own origin, in development as behind a proxy in production. */
const api = process.env.API ?? 'http://127.0.0.1:8000'
const proxy = {
  '/graphql': { target: api, changeOrigin: true, ws: true, rewriteWsOrigin: true },
  '/exports': { target: api, changeOrigin: true },
  '/imports': { target: api, changeOrigin: true },
}

export default defineConfig({
  base: './',
  build: { target: 'es2023' },
  server: { host: '127.0.0.1', proxy },
  preview: { host: '127.0.0.1', proxy },
})
