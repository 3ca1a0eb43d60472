import type { Api } from '@sluice/testing';
import type { ScenarioEnvironment } from '../scenario/scenario-file.ts';
import { TEAM } from './cast.ts';

export type EnvironmentSettings = Parameters<Api['catalog']['putEnvironment']>[0]['settings'];

export interface EnvironmentPlan {
  readonly name: string;
  readonly order: number;
  readonly gate: ScenarioEnvironment['gate'];
  /** Host port of each service that is released here. */
  readonly ports: Readonly<Record<string, number>>;
  /** Network in which its containers live; carries the mode's name, so that two worlds never meet. */
  readonly network: string;
}

export function settingsOf(
  plan: EnvironmentPlan,
  engine: string,
  env: Readonly<Record<string, string>> = {},
): EnvironmentSettings {
  return {
    gate: { roles: ['release-manager'], noSelfApproval: true, ...plan.gate },
    target: {
      kind: 'docker',
      engine,
      network: plan.network,
      port: {
        container: 8080,
        host: Object.fromEntries(Object.entries(plan.ports).map(([name, port]) => [name, `127.0.0.1:${port}`])),
      },
      healthPath: '/healthz',
      healthTimeoutSeconds: 8,
      env: { ENVIRONMENT: plan.name, ...env },
      secrets: [],
    },
  };
}

export async function putEnvironment(admin: Api, plan: EnvironmentPlan, settings: EnvironmentSettings): Promise<void> {
  await admin.catalog.putEnvironment({ team: TEAM.slug, name: plan.name, order: plan.order, settings });
}
