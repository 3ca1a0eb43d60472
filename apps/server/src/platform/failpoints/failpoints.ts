import { writeSync } from 'node:fs';
import { isFailpoint, type FailpointName } from './failpoint-names.ts';

/**
 * Named places where tests make the process die, throw or stop, before and after each commit and external call.
 * `SLUICE_FAILPOINTS=name=exit,other=throw`; refused when NODE_ENV=production. `name=exit@3` fires on the third pass.
 */
type Action = 'exit' | 'throw' | 'pause';
interface Armed {
  readonly action: Action;
  readonly onPass: number;
  passes: number;
}

const armed = new Map<string, Armed>();

export class FailpointError extends Error {
  override readonly name = 'FailpointError';
}

export function armFailpoints(text: string | undefined, nodeEnv: string | undefined): void {
  armed.clear();
  if (!text) return;
  if (nodeEnv === 'production') throw new Error('SLUICE_FAILPOINTS is refused when NODE_ENV=production; remove it.');
  for (const part of text.split(',')) {
    const match = /^([a-z0-9:._-]+)=(exit|throw|pause)(?:@(\d+))?$/.exec(part.trim());
    if (!match) throw new Error(`SLUICE_FAILPOINTS: "${part}" is not name=exit|throw|pause[@pass].`);
    if (!isFailpoint(match[1]!))
      throw new Error(`SLUICE_FAILPOINTS: there is no failpoint ${match[1]}; failpoints.json lists them all.`);
    armed.set(match[1]!, { action: match[2] as Action, onPass: Number(match[3] ?? 1), passes: 0 });
  }
}

/** Costs one map look-up when nothing is armed. */
export async function failpoint(name: FailpointName): Promise<void> {
  const point = armed.size === 0 ? undefined : armed.get(name);
  if (!point) return;
  point.passes += 1;
  if (point.passes !== point.onPass) return;
  if (point.action === 'exit') {
    // Whoever armed it reads here which of several it was; the log's own stream would not get it out in time.
    writeSync(2, `\nfailpoint ${name}: this process ends here\n`);
    process.kill(process.pid, 'SIGKILL');
  }
  if (point.action === 'throw') throw new FailpointError(`failpoint ${name}`);
  await new Promise(() => undefined);
}
