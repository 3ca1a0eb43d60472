import { readFileSync } from 'node:fs';
import { readOrder } from './read-order.ts';
import { recommendationServer } from './server.ts';

const known: unknown[] = JSON.parse(readFileSync(new URL('../data/orders.json', import.meta.url), 'utf8'));
const orders = known.map((order) => readOrder(order, new Date()));
const port = Number(process.env['PORT'] ?? 8080);
const server = recommendationServer(orders, process.env['SLUICE_COMMIT'] ?? 'unknown');
server.listen(port, () => console.log(`recommendation: ${orders.length} orders on port ${port}`));
process.on('SIGTERM', () => {
  server.close();
  server.closeIdleConnections();
});
