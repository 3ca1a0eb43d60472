import type { AttemptLog } from '../../log/attempt-log.ts';
import { readBuildStatus } from './buildkit-messages.ts';
import type { Timestamp, Vertex } from './buildkit-messages.ts';

/** The engine unpacks what we send it: nothing of the Dockerfile. */
const NOT_OF_THE_DOCKERFILE = /^(\[internal\] load remote build context|copy \/context )/;
const CACHE_IMPORT = /^importing cache manifest/;
/** A line that grows beyond this is written in pieces. BuildKit itself ends a step's output there, unless its engine was told otherwise. */
const MOST_OF_A_LINE = 1024 * 1024;

interface ShownStep {
  readonly number: number;
  readonly rest: Buffer[];
  restBytes: number;
  ended: boolean;
  readonly told: Set<string>;
}

/**
 * Writes what BuildKit tells of a build as lines of the log. Steps run side by side, so each line begins with its step's number, and
 * waits until it is whole: a secret in it is found by the masking that all lines go through.
 */
export class BuildkitLog {
  readonly #log: AttemptLog;
  readonly #steps = new Map<string, ShownStep>();

  constructor(log: AttemptLog) {
    this.#log = log;
  }

  /** The base64 text of one message of the engine's stream. Resolves when more may come. */
  async write(message: string): Promise<void> {
    const { vertexes, statuses, logs, warnings } = readBuildStatus(message);
    const ended: Vertex[] = [];
    for (const vertex of vertexes) {
      if (vertex.started === null || NOT_OF_THE_DOCKERFILE.test(vertex.name)) continue;
      if (!this.#steps.has(vertex.digest)) await this.#begin(vertex);
      if (vertex.completed !== null) ended.push(vertex);
    }
    for (const { vertex, msg } of logs) await this.#output(vertex, msg);
    for (const { vertex, short } of warnings) await this.#tell(vertex, `warning: ${Buffer.from(short).toString()}`);
    for (const { vertex, ID, completed } of statuses)
      if (completed !== null && !ID.startsWith('sha256:')) await this.#tell(vertex, ID);
    for (const vertex of ended) await this.#end(vertex);
  }

  async #begin({ digest, name }: Vertex): Promise<void> {
    const step = { number: this.#steps.size + 1, rest: [], restBytes: 0, ended: false, told: new Set<string>() };
    this.#steps.set(digest, step);
    await this.#line(step, Buffer.from(name));
  }

  async #output(digest: string, bytes: Uint8Array): Promise<void> {
    const step = this.#steps.get(digest);
    if (step === undefined) return;
    let from = 0;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, from)) {
      step.rest.push(Buffer.from(bytes.subarray(from, at)));
      await this.#flush(step);
      from = at + 1;
    }
    if (from === bytes.length) return;
    step.rest.push(Buffer.from(bytes.subarray(from)));
    step.restBytes += bytes.length - from;
    if (step.restBytes > MOST_OF_A_LINE) await this.#flush(step);
  }

  async #flush(step: ShownStep): Promise<void> {
    const line = Buffer.concat(step.rest.splice(0));
    step.restBytes = 0;
    await this.#line(step, line);
  }

  /** Of a layer, an export: once, when it is done. */
  async #tell(digest: string, words: string): Promise<void> {
    const step = this.#steps.get(digest);
    if (step === undefined || step.told.has(words)) return;
    step.told.add(words);
    await this.#line(step, Buffer.from(words));
  }

  async #end({ digest, name, cached, error, started, completed }: Vertex): Promise<void> {
    const step = this.#steps.get(digest);
    if (step === undefined || step.ended) return;
    step.ended = true;
    if (step.rest.length > 0) await this.#flush(step);
    if (error !== '' && CACHE_IMPORT.test(name)) this.#log.line(`${error}: the build begins without its layers`);
    const end = error !== '' ? 'ERROR' : cached ? 'CACHED' : `DONE ${seconds(started, completed)}s`;
    await this.#line(step, Buffer.from(end));
  }

  async #line({ number }: ShownStep, text: Buffer): Promise<void> {
    await this.#log.write('stdout', Buffer.concat([Buffer.from(`#${number} `), text, Buffer.from('\n')]));
  }
}

function seconds(started: Timestamp | null, completed: Timestamp | null): string {
  if (started === null || completed === null) return '0.0';
  return (completed.seconds - started.seconds + (completed.nanos - started.nanos) / 1e9).toFixed(1);
}
