import type { World } from '../world/world.ts';

/** Bytes of an attempt's log; with a range, those from `start` up to and with `end`. */
export async function readLog(
  world: World,
  person: string,
  attemptId: string,
  range?: { start: number; end: number },
): Promise<Buffer> {
  const answer = await fetch(`${world.servers.url}/api/v1/attempts/${attemptId}/log`, {
    headers: {
      authorization: `Bearer ${world.people[person]!.token}`,
      ...(range && { range: `bytes=${range.start}-${range.end}` }),
    },
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  // An empty log has no range to give.
  if (answer.status === 416 && range === undefined) return Buffer.alloc(0);
  if (!answer.ok)
    throw new Error(
      `The log of attempt ${attemptId} answered ${answer.status}: ${bytes.toString('utf8').slice(0, 300)}`,
    );
  if (range !== undefined && answer.status !== 206)
    throw new Error(`A range of the log of attempt ${attemptId} answered ${answer.status}, expected 206.`);
  return bytes;
}
