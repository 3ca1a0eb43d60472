import {
  Target,
  type ActResult,
  type DeploymentIntent,
  type NextStep,
  type TargetContext,
  type TargetCursor,
} from '../target.port.ts';

/** A target of two actions, `begin` and `finish`, whose world is a list; tests put obstacles in the way of its calls. */
export class ScriptedTarget extends Target<readonly string[]> {
  override readonly kind = 'docker';
  readonly done: string[] = [];
  readonly acting = new Set<string>();
  looks = 0;
  onObserve: (context: TargetContext) => Promise<void> | void = () => undefined;
  onAct: (context: TargetContext, action: string) => Promise<void> | void = () => undefined;

  override async observe(context: TargetContext): Promise<readonly string[]> {
    this.looks += 1;
    await this.onObserve(context);
    return this.done.filter((entry) => entry.startsWith(context.intent.deploymentId));
  }

  override next(seen: readonly string[], { deploymentId }: DeploymentIntent, cursor: TargetCursor): NextStep {
    for (const name of ['begin', 'finish']) {
      if (!seen.includes(`${deploymentId} ${name}`))
        return { kind: 'act', action: { name }, memory: cursor.memory, text: `Doing ${name}.` };
    }
    return { kind: 'ended', outcome: 'passed', reason: null, text: 'It is done.' };
  }

  override async act(
    context: TargetContext,
    { name }: { readonly name: string },
    cursor: TargetCursor,
  ): Promise<ActResult> {
    const entry = `${context.intent.deploymentId} ${name}`;
    this.acting.add(entry);
    await this.onAct(context, name);
    this.acting.delete(entry);
    this.done.push(entry);
    return { memory: { ...cursor.memory, [name]: true } };
  }

  override disconnect(): void {}
}
