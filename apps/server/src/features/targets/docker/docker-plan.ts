import { dockerTarget } from '@sluice/protocol';
import type { z } from 'zod';
import { TargetUnusableError, type DeploymentIntent } from '../target.port.ts';
import type { DockerPlan } from './next-docker-action.ts';

export type DockerSettings = z.infer<typeof dockerTarget>;

/** Throws TargetUnusableError when the stored settings are not those of a docker target. */
export function dockerSettings(intent: DeploymentIntent): DockerSettings {
  const parsed = dockerTarget.safeParse(intent.settings);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new TargetUnusableError(
    `The target settings of ${intent.environment} cannot be used: ${issue?.path.join('.') ?? 'target'}: ${issue?.message ?? 'unreadable'}. Correct the environment.`,
  );
}

export function dockerPlan(intent: DeploymentIntent): DockerPlan {
  const { network, healthPath, healthTimeoutSeconds } = dockerSettings(intent);
  return {
    image: imageName(intent),
    repoDigest: `${familiarName(intent.repository)}@${intent.digest}`,
    digest: intent.digest,
    network,
    healthPath: healthPath ?? null,
    healthTimeoutSeconds,
  };
}

export function imageName({ repository, digest }: DeploymentIntent): string {
  return `${repository}@${digest}`;
}

/** Engines leave the default registry out of the names they show. */
function familiarName(repository: string): string {
  return repository.replace(/^(index\.)?docker\.io\//, '').replace(/^library\//, '');
}
