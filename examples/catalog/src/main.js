import { readFileSync } from 'node:fs';
import { catalogServer } from './server.js';

const products = JSON.parse(readFileSync(new URL('../data/products.json', import.meta.url), 'utf8'));
const port = Number(process.env.PORT ?? 8080);
const server = catalogServer(products, process.env.SLUICE_COMMIT ?? 'unknown');
server.listen(port, () => console.log(`catalog: ${products.length} products on port ${port}`));
process.on('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
});
