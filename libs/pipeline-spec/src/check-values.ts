import type { FindingCollector } from './collect-findings.ts';
import { inputVariable } from './input-variable.ts';
import { axisNames, matrixVariable, readMatrix } from './expand-matrix.ts';
import type { LooseJob, LooseMap } from './loose-tree.ts';
import { asMap, entriesOf, membersOf } from './loose-tree.ts';
import { parseImageReference } from './parse-image-reference.ts';
import type { PathPart, Place } from './place.ts';
import { placeAt, quote } from './place.ts';

const ENGINE_SOCKET = /docker\.sock|containerd\.sock|podman\.sock/;

/** Variables that make a shell, a loader or an interpreter run code before the step's own. */
const RISKY_VARIABLES: ReadonlySet<string> = new Set([
  'LD_PRELOAD',
  'LD_LIBRARY_PATH',
  'LD_AUDIT',
  'DYLD_INSERT_LIBRARIES',
  'BASH_ENV',
  'ENV',
  'PROMPT_COMMAND',
  'PATH',
  'GIT_SSH_COMMAND',
  'NODE_OPTIONS',
  'PYTHONPATH',
  'PYTHONSTARTUP',
  'PERL5OPT',
  'RUBYOPT',
  'JAVA_TOOL_OPTIONS',
]);

/** The rules about what values say: templates, engine sockets, doubtful variables, moving tags, doubled entries. */
export class ValueChecker {
  readonly #text: string;
  readonly #places: Place;
  readonly #findings: FindingCollector;

  /** `text` is the file, so that a template deep in a block of shell text is found on its own line. */
  constructor(text: string, places: Place, findings: FindingCollector) {
    this.#text = text;
    this.#places = places;
    this.#findings = findings;
  }

  check(root: LooseMap, jobs: readonly LooseJob[]): void {
    const inputs = membersOf(asMap(asMap(root['on'])?.['manual'])?.['inputs'], []).map(({ name }) =>
      inputVariable(name),
    );
    for (const { value, path } of jobs) this.#job(value, path, inputs);
    const image = asMap(asMap(root['build'])?.['image']);
    if (image === undefined) return;
    const path = ['build', 'image'];
    this.#variables(image['args'], [...path, 'args'], false);
    for (const list of ['secrets', 'labels', 'platforms']) this.#doubles(image[list], [...path, list]);
    this.#clash(image['args'], [...path, 'args'], image['secrets']);
  }

  #job(job: LooseMap, path: readonly PathPart[], inputs: readonly string[]): void {
    const matrix = readMatrix(job['matrix'], [...path, 'matrix'], this.#places);
    const given = new Set([...(matrix ? axisNames(matrix).map(matrixVariable) : []), ...inputs]);
    this.#given(job['env'], [...path, 'env'], given);
    this.#image(job['image'], [...path, 'image']);
    this.#variables(job['env'], [...path, 'env'], true);
    this.#clash(job['env'], [...path, 'env'], job['secrets']);
    for (const list of ['secrets', 'labels', 'outputs']) this.#doubles(job[list], [...path, list]);
    for (const { value, path: at } of entriesOf(job['steps'], [...path, 'steps'])) {
      const step = asMap(value);
      this.#run(step?.['run'], [...at, 'run']);
      this.#variables(step?.['env'], [...at, 'env'], true);
      this.#given(step?.['env'], [...at, 'env'], given);
      this.#clash(step?.['env'], [...at, 'env'], job['secrets']);
    }
    for (const { value, path: at } of membersOf(job['services'], [...path, 'services'])) {
      this.#image(asMap(value)?.['image'], [...at, 'image']);
      this.#variables(asMap(value)?.['env'], [...at, 'env'], true);
    }
  }

  #run(run: unknown, path: readonly PathPart[]): void {
    if (typeof run !== 'string') return;
    if (run.includes('${{')) {
      const message =
        '`${{ }}` is never replaced in a script; give the value to the step as `env: { VALUE: ... }` or by `secrets`, and write "$VALUE" here.';
      this.#findings.error('template-in-run', path, message, this.#find('${{', path));
    }
    const socket = ENGINE_SOCKET.exec(run)?.[0];
    if (socket !== undefined) {
      // Naming the file does no harm by itself, and a test may well look that it is absent.
      this.#findings.warning(
        'not-allowed-by-runner-policy',
        path,
        `\`${socket}\` does not exist inside a job; use the build stage to build images.`,
        this.#find(socket, path),
      );
    }
  }

  #variables(env: unknown, path: readonly PathPart[], inherited: boolean): void {
    for (const { name, value, path: at } of membersOf(env, path)) {
      if (inherited && RISKY_VARIABLES.has(name)) {
        this.#findings.warning(
          'risky-env',
          at,
          `\`${name}\` changes how every program of the step loads code; set it in front of the one command that needs it.`,
          'key',
        );
      }
      if (typeof value !== 'string') continue;
      if (value.includes('${{')) {
        this.#findings.error(
          'template-in-env',
          at,
          '`${{ }}` is not replaced here; list the name under `secrets`, or write the value itself.',
          this.#find('${{', at),
        );
      }
      const socket = ENGINE_SOCKET.exec(value)?.[0];
      if (socket !== undefined) {
        this.#findings.error(
          'not-allowed-by-runner-policy',
          at,
          `\`${socket}\` is refused: a job never gets the container engine's socket; remove the variable.`,
          this.#find(socket, at),
        );
      }
    }
  }

  #image(image: unknown, path: readonly PathPart[]): void {
    if (typeof image !== 'string' || image === 'built') return;
    const result = parseImageReference(image);
    if (!result.ok || result.reference.digest !== undefined) return;
    const { tag } = result.reference;
    if (tag !== undefined && tag !== 'latest') return;
    const why = tag === undefined ? 'has no tag, which means `latest`' : 'has the tag `latest`';
    this.#findings.warning(
      'mutable-tag',
      path,
      `The image ${quote(image)} ${why} and can change between two runs; write a version or a digest.`,
    );
  }

  #doubles(list: unknown, path: readonly PathPart[]): void {
    const seen = new Set<unknown>();
    for (const { value, path: at } of entriesOf(list, path)) {
      if (typeof value !== 'string') continue;
      if (seen.has(value))
        this.#findings.warning('duplicate-entry', at, `${quote(value)} stands twice in this list; remove one.`);
      seen.add(value);
    }
  }

  #clash(env: unknown, path: readonly PathPart[], secrets: unknown): void {
    const secret = new Set(entriesOf(secrets, []).map((entry) => entry.value));
    for (const { name, path: at } of membersOf(env, path)) {
      if (!secret.has(name)) continue;
      this.#findings.error(
        'env-secret-clash',
        at,
        `\`${name}\` is also listed under \`secrets\`; keep it in one of the two.`,
        'key',
      );
    }
  }

  #given(env: unknown, path: readonly PathPart[], given: ReadonlySet<string>): void {
    for (const { name, path: at } of membersOf(env, path)) {
      if (!given.has(name)) continue;
      const message = `\`${name}\` is set by the matrix or by an input of the same name; choose another name.`;
      this.#findings.error('env-matrix-clash', at, message, 'key');
    }
  }

  #find(words: string, path: readonly PathPart[]): { offset: number } {
    const { offset, end } = placeAt(this.#places, path);
    const found = this.#text.slice(offset, end).indexOf(words);
    return { offset: offset + Math.max(0, found) };
  }
}
