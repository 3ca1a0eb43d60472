import { createRequire } from 'node:module';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { contractRoutes } from './dev/contract-routes.ts';

const require = createRequire(import.meta.url);
const server = process.env['SLUICE_WEB_API'] ?? 'http://127.0.0.1:4000';

export default defineConfig({
  plugins: [react(), tailwindcss(), contractRoutes()],
  resolve: {
    alias: {
      '~inter': require.resolve('@fontsource-variable/inter/package.json').replace(/package\.json$/, 'files'),
      '~mono': require.resolve('@fontsource-variable/jetbrains-mono/package.json').replace(/package\.json$/, 'files'),
    },
  },
  // Fonts stay files: the policy's font-src knows no data: addresses.
  build: { target: 'es2023', assetsInlineLimit: 0, reportCompressedSize: false },
  server: { host: '127.0.0.1', port: 4001, proxy: { '/api': server, '/hooks': server } },
});
