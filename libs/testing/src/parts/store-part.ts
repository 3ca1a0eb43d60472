import { eventually } from './eventually.ts';
import type { LoopbackProcess } from './loopback-process.ts';

/** A database or queue store on loopback that a test may take down and bring back on the same port. */
export interface StorePart {
  readonly url: string;
  readonly port: number;
  /** Ends the server and keeps its data; SIGKILL is a crash. */
  down(signal?: NodeJS.Signals): Promise<void>;
  /** Starts the server again on the same port and data. */
  up(): Promise<void>;
  /** `down`, then `up`. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the server and removes temporary data. */
  stop(): Promise<void>;
}

export function storePart(server: LoopbackProcess, url: string, port: number, remove: () => void): StorePart {
  const down = (signal?: NodeJS.Signals) => server.stop(signal);
  // After a crash the first try may come too early: children of the killed server still hold its port or memory.
  const up = async () => {
    await eventually(() => server.start().then(() => true), {
      timeoutMs: 15_000,
      everyMs: 200,
      describe: 'the restart',
    });
  };
  return {
    url,
    port,
    down,
    up,
    restart: async (signal) => {
      await down(signal);
      await up();
    },
    stop: async () => {
      await server.stop();
      remove();
    },
  };
}
