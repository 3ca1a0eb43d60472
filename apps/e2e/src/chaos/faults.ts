import { setTimeout as pause } from 'node:timers/promises';
import type { FaultProxy } from '@sluice/testing';
import { askRedis } from '../world/ask-redis.ts';
import { readDatabase } from '../world/read-database.ts';
import type { World } from '../world/world.ts';
import type { Link, Links } from './links.ts';
import type { Processes } from './processes.ts';
import type { Random } from './random.ts';

export interface Stage {
  readonly world: World;
  readonly links: Links;
  readonly processes: Processes;
}

/** Breaks something, holds it broken for a while, and mends it. Gives what was broken, for the record. */
export type Fault = (stage: Stage, random: Random) => Promise<string>;

/** Longer than a lease of this world now and then, so that leases do end. */
const LONG_MS = [1_000, 22_000] as const;

/** Programs, and what lies between them: one of each group goes on at any time, so that faults meet each other. */
export const FAULT_GROUPS: Readonly<Record<'programs' | 'surroundings', Readonly<Record<string, Fault>>>> = {
  programs: {
    'server killed': async ({ processes }, random) => {
      const server = random.pick(processes.servers);
      await processes.end(server, 'SIGKILL', random.between(0, 4_000));
      return server.name;
    },
    'all servers killed': async ({ processes }, random) => {
      await Promise.all(processes.servers.map((server) => processes.end(server, 'SIGKILL', random.between(0, 2_000))));
      return 'all';
    },
    'server frozen': async ({ processes }, random) => {
      const server = random.pick(processes.servers);
      await processes.freeze(server, random.between(...LONG_MS));
      return server.name;
    },
    'servers rolled': async ({ processes }) => {
      for (const server of processes.servers) await processes.end(server, 'SIGTERM', 0);
      return 'one after the other';
    },
    'runner killed': async ({ processes }, random) => {
      const runner = random.pick(processes.runners);
      await processes.end(runner, 'SIGKILL', random.between(...LONG_MS));
      return runner.name;
    },
    'runner frozen': async ({ processes }, random) => {
      const runner = random.pick(processes.runners);
      await processes.freeze(runner, random.between(...LONG_MS));
      return runner.name;
    },
  },
  surroundings: {
    'connections cut': onSomeLink(async ({ proxy }, random) => {
      for (let times = random.between(1, 8); times > 0; times -= 1) {
        proxy.cutAll();
        await pause(random.between(10, 500));
      }
    }),
    'connections cut in mid-answer': onSomeLink(async ({ proxy }, random) => {
      proxy.set({ cutAfterReceived: random.between(1, 20_000) });
      await pause(random.between(500, 6_000));
    }),
    'connections half open': onSomeLink(async ({ proxy }, random) => {
      proxy.set({ halfOpen: true });
      await pause(random.between(...LONG_MS));
      // What the peer of a half-open connection says after all is a reset.
      proxy.cutAll();
    }),
    'answers lost': onSomeLink((link, random) => lose(link.proxy, 'received', random)),
    'questions lost': onSomeLink((link, random) => lose(link.proxy, 'sent', random)),
    'connections refused': onSomeLink(async ({ proxy }, random) => {
      proxy.set({ refuse: true });
      proxy.cutAll();
      await pause(random.between(...LONG_MS));
    }),
    'connections slow': onSomeLink(async ({ proxy }, random) => {
      proxy.set({ latencyMs: random.between(20, 400) });
      await pause(random.between(2_000, 12_000));
    }),
    'Redis flushed': async (stage) => {
      await askRedis(redisOf(stage).port, 'FLUSHALL');
      return 'everything';
    },
    'Redis restarted empty': async (stage, random) => {
      await redisOf(stage).down('SIGKILL');
      await pause(random.between(0, 10_000));
      await redisOf(stage).up();
      return 'killed';
    },
    'Redis out of memory': async (stage, random) => {
      await askRedis(redisOf(stage).port, 'CONFIG SET maxmemory 1');
      await pause(random.between(2_000, 12_000));
      await askRedis(redisOf(stage).port, 'CONFIG SET maxmemory 0');
      return 'maxmemory 1';
    },
    'Redis silent': async (stage, random) => {
      const ms = random.between(1_000, 6_000);
      await askRedis(redisOf(stage).port, `CLIENT PAUSE ${ms} ALL`);
      await pause(ms);
      return `for ${ms} ms`;
    },
    'PostgreSQL restarted at once': async ({ world }, random) => {
      const { database } = world.stores;
      await database!.down('SIGQUIT');
      await pause(random.between(0, 5_000));
      await database!.up();
      return 'immediate';
    },
    'database connections ended': async ({ world }) => {
      const ended = await readDatabase(world, async (database) => {
        const { rowCount } = await database.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        );
        return rowCount ?? 0;
      });
      return `${ended} of them`;
    },
  },
};

function onSomeLink(play: (link: Link, random: Random) => Promise<void>): Fault {
  return async ({ links }, random) => {
    const link = random.pick(random.pick([links.toDatabase, links.toQueue, links.ofRunners]));
    try {
      await play(link, random);
    } finally {
      link.proxy.set({});
    }
    return link.name;
  };
}

async function lose(proxy: FaultProxy, what: 'sent' | 'received', random: Random): Promise<void> {
  proxy.set({ lose: what });
  await pause(random.between(...LONG_MS));
}

function redisOf({ world }: Stage) {
  const { redis } = world.stores;
  if (redis === undefined) throw new Error('Only the distributed mode has Redis.');
  return redis;
}
