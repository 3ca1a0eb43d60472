/** What authors of other engines' files write for our keys. */
const FOREIGN_KEYS: Readonly<Record<string, string>> = {
  after: 'needs',
  'allow-failure': 'allow_failure',
  allowfailure: 'allow_failure',
  backoff: 'factor',
  branch: 'branches',
  command: 'run',
  commands: 'steps',
  condition: 'if',
  container: 'image',
  'continue-on-error': 'allow_failure',
  cpu: 'cpus',
  depends_on: 'needs',
  deploy: 'release',
  environment: 'env',
  healthcheck: 'healthy',
  mem: 'memory',
  mem_limit: 'memory',
  name: 'service',
  path: 'paths',
  ports: 'port',
  requires: 'needs',
  rules: 'if',
  'runs-on': 'labels',
  script: 'run',
  soft_fail: 'allow_failure',
  tags: 'labels',
  'timeout-minutes': 'timeout',
  variables: 'env',
};

/**
 * The candidate an author most likely meant, or undefined when none is near.
 * Near is an edit distance (insert, delete, replace, swap of neighbours) of a third of the length, at most 3.
 */
export function suggestName(wrong: string, candidates: readonly string[]): string | undefined {
  if (wrong.length === 0 || wrong.length > 64) return undefined;
  const asked = wrong.toLowerCase();
  const foreign = Object.hasOwn(FOREIGN_KEYS, asked) ? FOREIGN_KEYS[asked] : undefined;
  if (foreign !== undefined && candidates.includes(foreign)) return foreign;
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.max(1, Math.floor(asked.length / 3))) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - asked.length) >= bestDistance) continue;
    const distance = editDistance(asked, candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

export function didYouMean(wrong: string, candidates: readonly string[]): string {
  const meant = suggestName(wrong, candidates);
  return meant === undefined ? '' : ` Did you mean \`${meant}\`?`;
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(replace, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
