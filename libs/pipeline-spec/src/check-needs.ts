import type { FindingCollector } from './collect-findings.ts';
import type { LooseJob } from './loose-tree.ts';
import { entriesOf } from './loose-tree.ts';
import type { PathPart } from './place.ts';
import { quote } from './place.ts';
import { didYouMean } from './suggest-name.ts';

/** Looking for the nearest name costs time; a file with more unknown needs than this has another problem than spelling. */
const MAX_SUGGESTIONS = 50;

interface Need {
  readonly name: string;
  readonly path: readonly PathPart[];
}

/** Reports needs that name nothing, the job itself, the same job twice, or close a circle. `jobs` are those of one stage. */
export function checkNeeds(stage: LooseJob['stage'], jobs: readonly LooseJob[], findings: FindingCollector): void {
  const names = jobs.map((job) => job.name);
  const known = new Set(names);
  const needs = new Map<string, Need[]>();
  let suggestions = 0;
  for (const job of jobs) {
    const kept: Need[] = [];
    const seen = new Set<string>();
    for (const { value, path } of entriesOf(job.value['needs'], [...job.path, 'needs'])) {
      if (typeof value !== 'string') continue;
      if (value === job.name) {
        findings.error(
          'needs-self',
          path,
          `The job ${quote(job.name)} needs itself and could never start; remove it from \`needs\`.`,
        );
      } else if (!known.has(value)) {
        const meant = suggestions++ < MAX_SUGGESTIONS ? didYouMean(value, names) : '';
        findings.error(
          'needs-unknown',
          path,
          `The ${stage} stage has no job ${quote(value)}; name a job of the same stage.${meant}`,
        );
      } else if (seen.has(value)) {
        findings.warning('duplicate-entry', path, `${quote(value)} stands twice in \`needs\`; remove one.`);
      } else {
        kept.push({ name: value, path });
      }
      seen.add(value);
    }
    needs.set(job.name, kept);
  }
  reportCycles(names, needs, findings);
}

/** Depth first without recursion; each edge that leads back into the open chain closes one circle. */
function reportCycles(
  names: readonly string[],
  needs: ReadonlyMap<string, readonly Need[]>,
  findings: FindingCollector,
): void {
  const done = new Set<string>();
  for (const start of names) {
    if (done.has(start)) continue;
    const chain: { readonly name: string; next: number }[] = [{ name: start, next: 0 }];
    const open = new Map([[start, 0]]);
    for (let top = chain.at(-1); top !== undefined; top = chain.at(-1)) {
      const need = needs.get(top.name)?.[top.next++];
      if (need === undefined) {
        chain.pop();
        open.delete(top.name);
        done.add(top.name);
      } else if (open.has(need.name)) {
        const circle = chain.slice(open.get(need.name)).map((link) => link.name);
        findings.error(
          'needs-cycle',
          need.path,
          `These jobs wait for each other and could never start: ${showCircle([...circle, need.name])}; remove one of these needs.`,
        );
      } else if (!done.has(need.name)) {
        open.set(need.name, chain.length);
        chain.push({ name: need.name, next: 0 });
      }
    }
  }
}

function showCircle(names: readonly string[]): string {
  const shown = names.length > 12 ? [...names.slice(0, 6), `(${names.length - 11} more)`, ...names.slice(-5)] : names;
  return shown.join(' -> ');
}
