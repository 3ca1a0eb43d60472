import { Injectable, Logger } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Clock } from '../../platform/clock/clock.port.ts';
import { FailpointError, failpoint } from '../../platform/failpoints/failpoints.ts';
import { ClaimLostError, DeploymentClaims, type DeploymentClaim } from './deployment-claims.ts';
import { actionFailpoint } from './deployment-failpoints.ts';
import { DeploymentRecord, type DeploymentFacts } from './deployment-record.ts';
import { DriveSettings } from './drive-settings.ts';
import { makeIntent } from './make-intent.ts';
import { TargetSecrets } from './target-secrets.port.ts';
import {
  EMPTY_CURSOR,
  TargetSilentError,
  TargetUnusableError,
  type NextStep,
  type Target,
  type TargetContext,
  type TargetCursor,
} from './target.port.ts';
import { Targets } from './targets.ts';

/** One deployment under way in this process. */
interface Course {
  readonly claim: DeploymentClaim;
  readonly facts: DeploymentFacts;
  readonly target: Target;
  readonly context: TargetContext;
  cursor: TargetCursor;
  /** Looks in a row without an answer. */
  misses: number;
  unknown: boolean;
  lastText: string;
}

/**
 * Drives one deployment from wherever it stands to its end: claim, look, decide, write the intention, act, write the
 * result, look again. Ends early without harm at any point; the next driver looks before it acts.
 */
@Injectable()
export class DriveDeployment {
  readonly #log = new Logger('deploy');
  readonly #claims: DeploymentClaims;
  readonly #record: DeploymentRecord;
  readonly #targets: Targets;
  readonly #secrets: TargetSecrets;
  readonly #clock: Clock;
  readonly #settings: DriveSettings;
  constructor(
    claims: DeploymentClaims,
    record: DeploymentRecord,
    targets: Targets,
    secrets: TargetSecrets,
    clock: Clock,
    settings: DriveSettings,
  ) {
    this.#claims = claims;
    this.#record = record;
    this.#targets = targets;
    this.#secrets = secrets;
    this.#clock = clock;
    this.#settings = settings;
  }

  /** Returns when the deployment ended, when another replica drives it, or soon after `stopping`. */
  async drive(deploymentId: string, stopping: AbortSignal): Promise<void> {
    const claim = await this.#claims.take(deploymentId);
    if (claim === null) return;
    try {
      await failpoint('deploy:after-claim');
      const course = await this.#begin(claim, AbortSignal.any([stopping, claim.lost]));
      if (course) await this.#steer(course);
    } catch (error) {
      // What broke here may break again at once: the claim ends by itself, which spaces the tries.
      claim.abandon();
      if (!(error instanceof ClaimLostError)) throw error;
      this.#log.warn(`${error.message}; whoever holds it now goes on`);
      return;
    }
    await claim.release();
  }

  async #begin(claim: DeploymentClaim, signal: AbortSignal): Promise<Course | null> {
    const facts = await this.#record.read(claim.deploymentId);
    const cursor = facts.cursor ?? EMPTY_CURSOR;
    try {
      const intent = facts.intent ?? makeIntent(facts);
      const target = this.#targets.get(intent.kind);
      if (target === undefined)
        throw new TargetUnusableError(
          `This server knows no target of the kind ${intent.kind}; update it or correct the environment ${intent.environment}.`,
        );
      if (facts.intent === null) {
        await failpoint('deploy:before-intent');
        await this.#record.save(claim, {
          intent,
          text: `Deploying run ${intent.runNumber} (${intent.commit.slice(0, 7)}) to ${intent.environment}: ${intent.repository}@${intent.digest}.`,
        });
        await failpoint('deploy:after-intent');
      }
      const { teamId, environmentId, serviceId } = intent;
      const context: TargetContext = {
        intent,
        signal,
        secrets: {
          environment: (names) => this.#secrets.environmentSecrets({ teamId, environmentId, serviceId, names }),
          registry: (registry) => this.#secrets.registryCredential(teamId, registry),
        },
      };
      return { claim, facts, target, context, cursor, misses: 0, unknown: facts.status === 'unknown', lastText: '' };
    } catch (error) {
      if (!(error instanceof TargetUnusableError) || cursor.acted) throw error;
      await this.#record.end(claim, facts, { cursor, ...unusable(error) });
      return null;
    }
  }

  async #steer(course: Course): Promise<void> {
    const { signal } = course.context;
    try {
      while (!signal.aborted) {
        const until = await this.#turn(course);
        if (until === 'ended') return;
        const ms = until.getTime() - this.#clock.now().getTime();
        if (ms > 0) await pause(ms, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      course.target.disconnect(course.context);
    }
  }

  /** One look and at most one action. Gives the moment of the next look. */
  async #turn(course: Course): Promise<Date | 'ended'> {
    const { target, context } = course;
    const looked = await this.#ask(course, () => target.observe(context, course.cursor));
    if (looked.kind === 'none') return looked.until;
    if (course.cursor.silentSince !== null)
      await this.#save(course, { ...course.cursor, silentSince: null }, 'The target answers again.');
    course.misses = 0;
    return this.#follow(
      course,
      target.next(looked.value, context.intent, course.cursor, this.#clock.now().toISOString()),
    );
  }

  async #follow(course: Course, step: NextStep): Promise<Date | 'ended'> {
    switch (step.kind) {
      case 'act':
        return this.#act(course, step);
      case 'wait': {
        const memory = step.memory ?? course.cursor.memory;
        await this.#save(course, { ...course.cursor, memory }, step.text);
        return new Date(step.until);
      }
      case 'unknown':
        await this.#markUnknown(course, step.reason.code, step.reason.message);
        return new Date(step.until);
      case 'ended': {
        const cursor = { ...course.cursor, pending: null };
        await this.#record.end(course.claim, course.facts, {
          cursor,
          outcome: step.outcome,
          reason: step.reason,
          text: step.text,
        });
        return 'ended';
      }
    }
  }

  async #act(course: Course, step: Extract<NextStep, { kind: 'act' }>): Promise<Date | 'ended'> {
    const { target, claim, context } = course;
    const { action } = step;
    const pending = { action: action.name, since: this.#clock.now().toISOString() };
    await failpoint('deploy:before-intention');
    await this.#save(course, { ...course.cursor, memory: step.memory, pending, acted: true }, step.text);
    await failpoint('deploy:after-intention');
    const acted = await this.#ask(course, async () => {
      await failpoint(actionFailpoint(target.kind, 'before', action.name));
      claim.ensureHeld();
      const result = await target.act(context, action, course.cursor);
      await failpoint(actionFailpoint(target.kind, 'after', action.name));
      return result;
    });
    if (acted.kind === 'none') return acted.until;
    await this.#save(course, { ...course.cursor, memory: acted.value.memory, pending: null }, acted.value.text);
    await failpoint('deploy:after-result');
    return this.#clock.now();
  }

  /** What a target throws is no answer, whatever it is: driving goes on, and the person sees why it takes longer. */
  async #ask<T>(
    course: Course,
    call: () => Promise<T>,
  ): Promise<{ kind: 'answer'; value: T } | { kind: 'none'; until: Date | 'ended' }> {
    try {
      return { kind: 'answer', value: await call() };
    } catch (error) {
      if (error instanceof FailpointError || error instanceof ClaimLostError) throw error;
      if (course.context.signal.aborted) return { kind: 'none', until: this.#clock.now() };
      if (error instanceof TargetUnusableError && !course.cursor.acted) {
        await this.#record.end(course.claim, course.facts, { cursor: course.cursor, ...unusable(error) });
        return { kind: 'none', until: 'ended' };
      }
      return { kind: 'none', until: await this.#missed(course, error as Error) };
    }
  }

  /** Back-off with jitter; after the limit the deployment is `unknown`, and it is still looked for. */
  async #missed(course: Course, error: Error): Promise<Date> {
    course.target.disconnect(course.context);
    const now = this.#clock.now();
    const expected = error instanceof TargetSilentError || error instanceof TargetUnusableError;
    if (!expected)
      this.#log.error(
        { err: error },
        `deployment ${course.claim.deploymentId}: the target's own code failed; looking again`,
      );
    const why = expected ? error.message : `an error inside Sluice: ${error.message}`;
    const since = course.cursor.silentSince ?? now.toISOString();
    if (course.cursor.silentSince === null) {
      await this.#save(
        course,
        { ...course.cursor, silentSince: since },
        `No answer from the target: ${why}. Trying again.`,
      );
    }
    if (now.getTime() - Date.parse(since) >= this.#settings.silenceLimitMs) {
      await this.#markUnknown(
        course,
        'target-silent',
        `The target has given no answer since ${since}: ${why}. The lane stays held until it does.`,
      );
    }
    course.misses += 1;
    const limit = Math.min(this.#settings.backoffMs, 250 * 2 ** course.misses);
    return new Date(now.getTime() + limit * (0.5 + Math.random() / 2));
  }

  async #markUnknown(course: Course, code: string, message: string): Promise<void> {
    if (course.unknown) return;
    await this.#record.markUnknown(course.claim, course.facts, { code, message });
    course.unknown = true;
  }

  async #save(course: Course, cursor: TargetCursor, text: string | undefined): Promise<void> {
    const said = text === course.lastText ? undefined : text;
    if (said === undefined && isDeepStrictEqual(cursor, course.cursor)) return;
    await this.#record.save(course.claim, { cursor, ...(said !== undefined && { text: said }) });
    course.cursor = cursor;
    course.lastText = said ?? course.lastText;
  }
}

function unusable(error: TargetUnusableError) {
  return {
    outcome: 'errored',
    reason: { code: 'target-unusable', message: error.message },
    text: error.message,
  } as const;
}
