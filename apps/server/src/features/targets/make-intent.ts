import { environmentSettings } from '@sluice/protocol';
import type { DeploymentFacts } from './deployment-record.ts';
import { TargetUnusableError, type DeploymentIntent } from './target.port.ts';

/** What this deployment shall make true, from rows that no longer change. Throws TargetUnusableError. */
export function makeIntent(facts: DeploymentFacts): DeploymentIntent {
  const parsed = environmentSettings.safeParse(facts.settings);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new TargetUnusableError(
      `The settings of the environment ${facts.environment} cannot be used: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'unreadable'}. Correct them.`,
    );
  }
  const { target } = parsed.data;
  return {
    v: 1,
    kind: target.kind,
    deploymentId: facts.id,
    teamId: facts.teamId,
    serviceId: facts.serviceId,
    environmentId: facts.environmentId,
    service: facts.service,
    environment: facts.environment,
    runNumber: facts.runNumber,
    commit: facts.commit,
    repository: facts.repository,
    digest: facts.digest,
    settings: JSON.parse(JSON.stringify(target)) as DeploymentIntent['settings'],
  };
}
