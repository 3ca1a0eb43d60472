import { createServer } from 'node:net';

const FIRST = 21_000;
const LAST = 29_000;

/** Hands out loopback ports that are free now and that no part of this suite was given before. Below the range that systems hand out by themselves. */
export class HostPorts {
  #next = FIRST + (process.pid % 70) * 100;

  async take(): Promise<number> {
    for (;;) {
      const port = this.#next;
      this.#next = port + 1 > LAST ? FIRST : port + 1;
      if (await isFree(port)) return port;
    }
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
