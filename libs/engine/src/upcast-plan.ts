type Stored = Readonly<Record<string, unknown>>;

/**
 * Version 1 to 2. Plans of version 1 know no conditions, so nothing ever asks for their facts; what they do not say has the
 * meaning that it had: every need must pass, no failure is allowed, a retry comes at once.
 */
export function planWithConditions(older: Stored): Stored {
  return {
    ...older,
    facts: { event: 'push', branch: '', tag: '', changed: {}, inputs: {} },
    stageTimeouts: {},
    jobs: listOf(older['jobs']).map(jobWithConditions),
  };
}

function jobWithConditions(job: Stored): Stored {
  const common = { when: 'success', allowFailure: false, outputs: [] };
  const retry = { ...mapOf(job['retry']), exit: [], delaySeconds: 0, factor: 1 };
  const { kind, spec } = mapOf(job['work']);
  const newer =
    kind === 'steps'
      ? {
          ...mapOf(spec),
          ...common,
          envFrom: {},
          steps: listOf(mapOf(spec)['steps']).map((step) => ({ ...step, when: 'success', envFrom: {} })),
        }
      : mapOf(spec);
  return { ...job, ...common, retry, work: { kind, spec: { ...newer, retry } } };
}

function listOf(value: unknown): Stored[] {
  return Array.isArray(value) ? value.map(mapOf) : [];
}

function mapOf(value: unknown): Stored {
  return typeof value === 'object' && value !== null ? (value as Stored) : {};
}
