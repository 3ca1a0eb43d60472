import type { Forge } from '../world/forge-event.ts';
import type { ScenarioFile } from './scenario-file.ts';

export interface ScenarioServicePlan {
  readonly name: string;
  readonly repository: string;
  readonly path: string;
  readonly forge: Forge | 'git';
  readonly team: string;
}

/** One scenario as it is played: a `scenario.yaml` with its blanks filled in. */
export interface Scenario extends Omit<ScenarioFile, 'services'> {
  /** Unique among all: the folder's name, with the value of `forEach` after it. */
  readonly name: string;
  readonly folder: string;
  readonly services: readonly ScenarioServicePlan[];
  /** Texts that `{{key}}` stands for. */
  readonly values: Readonly<Record<string, string>>;
}
