import type { FindingCollector } from './collect-findings.ts';
import type { LooseMap } from './loose-tree.ts';
import { asMap, entriesOf } from './loose-tree.ts';

/** Entries of `on.schedule` and `on.release` that stand twice, and a service that would be started by itself. */
export function checkTriggers(root: LooseMap, findings: FindingCollector): void {
  const on = asMap(root['on']);
  reportTwins(on, 'schedule', ['cron', 'timezone', 'branch'], findings);
  reportTwins(on, 'release', ['service', 'environment'], findings);
  for (const { value, path } of entriesOf(on?.['release'], ['on', 'release'])) {
    const service = asMap(value)?.['service'];
    if (typeof service !== 'string' || service !== root['service']) continue;
    const message = `${service} would be started by its own release, again and again; name another service, or remove the entry.`;
    findings.error('release-loop', [...path, 'service'], message);
  }
}

function reportTwins(
  on: LooseMap | undefined,
  list: 'schedule' | 'release',
  keys: readonly string[],
  findings: FindingCollector,
): void {
  const seen = new Set<string>();
  for (const { value, path } of entriesOf(on?.[list], ['on', list])) {
    const entry = asMap(value);
    if (entry === undefined) continue;
    const text = JSON.stringify(keys.map((key) => entry[key] ?? null));
    if (seen.has(text)) findings.warning('duplicate-entry', path, 'This entry stands twice in the list; remove one.');
    seen.add(text);
  }
}
