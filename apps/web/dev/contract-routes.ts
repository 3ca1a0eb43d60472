import { isContractProcedure } from '@orpc/contract';
import { runnerImport, type Plugin } from 'vite';

const MODULE = 'virtual:contract-routes';

/**
 * Gives the bundle the method and path of each call, and nothing else of the contract: its schemas and zod would
 * cost the first route more than all of our own code. The types come from `import type`, so they can't drift.
 */
export function contractRoutes(): Plugin {
  return {
    name: 'sluice-contract-routes',
    resolveId: (source) => (source === MODULE ? `\0${MODULE}` : undefined),
    async load(id) {
      if (id !== `\0${MODULE}`) return undefined;
      const { module } = await runnerImport<{ contract: unknown }>('@sluice/protocol', {
        configFile: false,
        root: import.meta.dirname,
        resolve: { conditions: ['@sluice/source', 'module', 'node'] },
        ssr: { resolve: { conditions: ['@sluice/source', 'module', 'node'] } },
      });
      return `export const routes = ${JSON.stringify(onlyRoutes(module.contract))};`;
    },
  };
}

/** All that people may call; runners have a protocol of their own, which no page speaks. */
function onlyRoutes(router: unknown): unknown {
  if (isContractProcedure(router)) {
    const { method, path } = router['~orpc'].route;
    return { '~orpc': { route: { method, path }, errorMap: {}, meta: {} } };
  }
  const entries = Object.entries(router as Record<string, unknown>);
  return Object.fromEntries(
    entries.filter(([name]) => name !== 'runner').map(([name, value]) => [name, onlyRoutes(value)]),
  );
}
