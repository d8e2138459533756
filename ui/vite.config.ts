import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

declare const process: { env: Record<string, string | undefined> }

// `npm run dev` shows this page over the API of a running app: MOTIA_APP, default the port of `motia dev`.
const app = process.env.MOTIA_APP ?? 'http://127.0.0.1:3000'

export default defineConfig(({ command }) => ({
  plugins: [react()],
  // Built files are addressed relative to <base>, so that one build serves every mount path.
  base: command === 'serve' ? '/workbench/' : './',
  server: { proxy: { '/workbench/api': app } },
  build: {
    outDir: '../motia/web/workbench/static',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    license: { fileName: 'LICENSES.md' },
    assetsInlineLimit: 0,
  },
  test: { include: ['tests/**/*.test.ts'], environment: 'node', setupFiles: ['tests/setup.ts'] },
}))
