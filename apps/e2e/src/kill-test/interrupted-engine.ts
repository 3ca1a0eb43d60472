import { connect, createServer, type Socket } from 'node:net';

/** The container engine behind a socket of our own, which can be made to answer nobody. */
export interface InterruptedEngine {
  readonly address: string;
  interrupt(): void;
  heal(): void;
  stop(): Promise<void>;
}

/** `engine`: `unix:///path`; `socket`: where ours is to be. */
export async function startInterruptedEngine(engine: string, socket: string): Promise<InterruptedEngine> {
  const path = /^unix:\/\/(\/.+)$/.exec(engine)?.[1];
  if (path === undefined)
    throw new Error(`The kill test reaches the engine by a unix socket only, not by ${engine}; unset DOCKER_HOST.`);
  let silent = false;
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (silent) return void client.destroy();
    const upstream = connect({ path, allowHalfOpen: true });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((started, failed) => server.once('error', failed).listen(socket, started));
  const cut = () => open.forEach((one) => one.destroy());
  return {
    address: `unix://${socket}`,
    interrupt: () => {
      silent = true;
      cut();
    },
    heal: () => {
      silent = false;
    },
    stop: () =>
      new Promise((stopped) => {
        server.close(() => stopped());
        cut();
      }),
  };
}
