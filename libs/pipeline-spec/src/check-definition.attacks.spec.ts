import { describe, expect, it } from 'vitest';
import { checkDefinition } from './check-definition.ts';
import type { Finding } from './definition.ts';
import { matchesAnyPath, matchesPattern, patternProblem } from './match-pattern.ts';

const find = (text: string): readonly Finding[] => checkDefinition(text, 'sluice.yaml').findings;
const rules = (text: string): string[] => find(text).map((finding) => finding.rule);
const jobs = (lines: string): string => `service: a\ncommit:\n  jobs:\n${lines.replace(/^/gm, '    ')}\n`;
const job = (line: string): string => jobs(`j:\n  image: node:24\n  steps: [{ run: x }]\n  ${line}`);

/** The named levels x aliases of a YAML bomb. */
const bomb = (levels: number, width: number): string =>
  [
    'a0: &a0 [lol, lol, lol]',
    ...Array.from({ length: levels }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(width).fill(`*a${i}`).join(', ')}]`),
  ].join('\n');

describe('attacks on the definition', () => {
  it.each([
    [9, 9],
    [49, 1],
    [16, 3],
    [10, 5],
    [1, 51],
  ])('A34 a YAML bomb of %i levels x %i aliases stays bounded', (levels, width) => {
    const before = process.memoryUsage().heapUsed;
    const found = find(bomb(levels, width));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60 * 2 ** 20);
    const bounded =
      levels * width <= 50 && width === 1 ? found.length > 0 : found.length === 1 && found[0]?.rule === 'alias-limit';
    expect(bounded).toBe(true);
  });

  it('A34 an alias that contains itself, and 51 harmless aliases, are refused; 50 are fine', () => {
    expect(rules('service: &a [*a]')).toEqual(['alias-limit']);
    const many = (count: number): string => job(`labels: [&l x, ${Array(count).fill('*l').join(', ')}]`);
    expect(rules(many(51))).toEqual(['alias-limit']);
    expect(rules(many(50))).not.toContain('alias-limit');
  });

  it('A34 more than 256 KiB are refused before they are parsed, counted in bytes', () => {
    const file = (char: string, count: number): string => `service: a\n#${char.repeat(count)}`;
    expect(rules(file('x', 256 * 1024))).toEqual(['file-too-large']);
    expect(rules(file('é', 140 * 1024))).toEqual(['file-too-large']);
    expect(rules(file('x', 256 * 1024 - 12))).toEqual([]);
  });

  it.each(['['.repeat(200_000), '{a: '.repeat(50_000), '- '.repeat(100_000), '? '.repeat(100_000)])(
    'A34 deep nesting is one finding (%#)',
    (text) => {
      expect(rules(text)).toEqual(['too-deep']);
    },
  );

  it('A34 nesting is limited to 32 levels', () => {
    expect(rules(`${'['.repeat(40)}${']'.repeat(40)}`)).toEqual(['too-deep']);
  });

  it.each([
    '!!js/function "x"',
    '!!python/object:os.system x',
    '!secret x',
    '!!binary aGk=',
    '!!timestamp 2001-01-01',
    '!!set { a }',
  ])('A35 the tag of %s is refused', (value) => {
    const text = `service: a\nteam: ${value}\n`;
    expect(rules(text)).toContain('custom-tag');
    expect(find(text).find((finding) => finding.rule === 'custom-tag')).toMatchObject({ line: 2, path: 'team' });
  });

  it('A35 merge keys are refused, also in a bomb and under %YAML 1.1', () => {
    expect(rules('x: &x { service: a }\n<<: *x\n')).toContain('merge-key');
    expect(rules(`${bomb(3, 3)}\n<<: [*a1, *a2]\n`)).toContain('merge-key');
    expect(rules('%YAML 1.1\n---\nservice: yes\n')).toEqual(['invalid-yaml']);
  });

  it.each<[string, string]>([
    ['yes', 'yes'],
    ['on', 'on'],
    ['010', '010'],
    ['0o10', '0o10'],
    ['1.10', '1.10'],
    ['1_000', '1_000'],
    ['12:30:00', '12:30:00'],
    ['2024-01-01', '2024-01-01'],
    ['true', 'true'],
    ['TRUE', 'TRUE'],
    ['"1e400"', '1e400'],
    ['0x1F', '0x1F'],
    ['9007199254740993', '9007199254740993'],
  ])('A36 the variable %s keeps the text %s', (written, expected) => {
    expect(checkDefinition(job(`env: { V: ${written} }`), 'f').definition?.commit?.jobs['j']?.env).toEqual({
      V: expected,
    });
  });

  it.each<[string, string]>([
    ['service: a\nservice: b\n', 'duplicate-key'],
    [jobs('j: { image: a:1, steps: [{ run: x }] }\n"j": { image: a:1, steps: [{ run: x }] }'), 'duplicate-key'],
    ['service: a\non: yes\n', 'wrong-type'],
    ['service: a\non: { manual: yes }\n', 'wrong-type'],
    [job('timeout: 1e400'), 'wrong-type'],
    [job('resources: { cpus: .nan }'), 'wrong-type'],
    [job('env: { V: ~ }'), 'wrong-type'],
    ['service: a\n---\nservice: b\n', 'invalid-yaml'],
    ['service: a\n? [x]\n: y\n', 'invalid-yaml'],
    ['service: "a\n', 'invalid-yaml'],
    ['service: *a\n', 'invalid-yaml'],
    ['', 'missing-key'],
    ['# nothing\n', 'missing-key'],
    ['just text', 'wrong-type'],
    ['\u0000', 'wrong-type'],
  ])('A36 %j is refused', (text, rule) => {
    expect(rules(text)).toContain(rule);
  });

  it('A37 needs: circle, itself, missing; each with its line and path', () => {
    const text = jobs(
      [
        'a: { image: a:1, steps: [{ run: x }], needs: [c] }',
        'b: { image: a:1, steps: [{ run: x }], needs: [a] }',
        'c: { image: a:1, steps: [{ run: x }], needs: [b] }',
        'self: { image: a:1, steps: [{ run: x }], needs: self }',
        'lone: { image: a:1, steps: [{ run: x }], needs: [a, sefl] }',
      ].join('\n'),
    );
    expect(find(text).map(({ rule, line, path }) => `${rule} ${line} ${path}`)).toEqual([
      'needs-cycle 5 commit.jobs.b.needs[0]',
      'needs-self 7 commit.jobs.self.needs',
      'needs-unknown 8 commit.jobs.lone.needs[1]',
    ]);
    expect(find(text)[0]?.message).toContain('a -> c -> b -> a');
    expect(find(text)[2]?.message).toContain('Did you mean `self`?');
  });

  it('A37 a job does not need a job of another stage', () => {
    expect(
      rules(
        `${jobs('j: { image: a:1, steps: [{ run: x }] }')}test: { jobs: { t: { image: a:1, steps: [{ run: x }], needs: [j] } } }`,
      ),
    ).toEqual(['needs-unknown']);
  });

  it('A37 10,000 jobs, and 200 jobs in one circle, are a few findings', () => {
    const many = jobs(Array.from({ length: 10_000 }, (_, i) => `j${i}: {image: a:1}`).join('\n'));
    const found = find(many);
    expect(found.filter((finding) => finding.rule === 'too-many-jobs')).toEqual([
      expect.objectContaining({ line: 204, path: 'commit.jobs.j200' }),
    ]);
    expect(found.length).toBeLessThanOrEqual(500);
    const circle = jobs(
      Array.from({ length: 200 }, (_, i) => `j${i}: {image: a:1, steps: [{run: x}], needs: [j${(i + 1) % 200}]}`).join(
        '\n',
      ),
    );
    expect(rules(circle)).toEqual(['needs-cycle']);
  });

  it('A37 36,000 needs that name nothing end in 500 findings, the first of them with a suggestion', () => {
    const needs = (job: number): string => Array.from({ length: 180 }, (_, i) => `x${job * 180 + i}`).join(',');
    const text = jobs(
      Array.from({ length: 200 }, (_, i) => `x${i}y: {image: a:1, steps: [{run: x}], needs: [${needs(i)}]}`).join('\n'),
    );
    const found = find(text);
    expect(found).toHaveLength(500);
    expect(found[0]?.message).toContain('Did you mean');
    expect(found.at(-1)?.rule).toBe('too-many-findings');
  });

  it('A37 a chain of 200 jobs is fine, 201 over two stages are not', () => {
    const chain = (count: number): string =>
      Array.from(
        { length: count },
        (_, i) => `j${i}: {image: a:1, steps: [{run: x}]${i > 0 ? `, needs: [j${i - 1}]` : ''}}`,
      ).join('\n');
    expect(rules(jobs(chain(200)))).toEqual([]);
    expect(rules(`${jobs(chain(200))}test: { jobs: { t: { image: a:1, steps: [{ run: x }] } } }`)).toEqual([
      'too-many-jobs',
    ]);
  });

  it.each(['../x', 'é', '🦊', 'A', '-a', '_a', 'a b', 'a.b', '', 'e\u0301', 'a'.repeat(64), 'a'.repeat(200_000)])(
    'A38 the job name %j is refused',
    (name) => {
      const found = find(jobs(`? ${JSON.stringify(name)}\n: { image: a:1, steps: [{ run: x }] }`));
      expect(found).toEqual([expect.objectContaining({ rule: 'bad-name', line: 4 })]);
      expect(found[0]?.message.length).toBeLessThan(300);
      expect(found[0]?.path.length).toBeLessThan(120);
    },
  );

  it.each(['"a\\0b"', '"a\\ud800b"', 'a\0b'])(
    'A36 text that nothing can hold is refused wherever it stands: %j',
    (text) => {
      for (const yaml of [
        job(`env: { KEY: ${text} }`),
        job(`env: { ${text}: x }`),
        job(`${text}: x`),
        jobs(`${text}: { image: a:1, steps: [{ run: x }] }`),
      ]) {
        const { definition, findings } = checkDefinition(yaml, 'sluice.yaml');
        expect(definition).toBeUndefined();
        expect(findings.length).toBeGreaterThan(0);
        expect(JSON.stringify(findings)).not.toMatch(/[^\\]\\u(0000|d800)/);
      }
    },
  );

  it.each(['__proto__', 'constructor', 'prototype'])('A38 the name %s never becomes a key', (name) => {
    expect(rules(jobs(`${name}: { image: a:1, steps: [{ run: x }] }`))).toContain('reserved-key');
    expect(rules(job(`env: { ${name}: x }`))).toEqual(['reserved-key']);
    expect(({} as Record<string, unknown>)['image']).toBeUndefined();
  });

  it.each([
    '../../x',
    '-v/:/h',
    'a:b@sha256:short',
    '"a:"',
    '"a b"',
    'A',
    'a//b',
    '/a',
    'a/',
    'a:-x',
    '"a@sha256:"',
    '"$(x)"',
    '"a:99999/b"',
    '""',
    'a..b',
    'a___b',
    'x.io:0/a',
    '-x.io/a',
  ])('A39 the image %s is refused', (image) => {
    for (const text of [
      jobs(`j: { image: ${image}, steps: [{ run: x }] }`),
      job(`services: { s: { image: ${image} } }`),
    ]) {
      expect(rules(text)).toContain('bad-image');
    }
  });

  it.each([
    'node:24',
    'localhost:5000/a/b:1',
    'registry.example.com/team/app:v1.2_3',
    'a__b--c.d:1',
    'Registry.Example.com/a:1',
    `node@sha256:${'a'.repeat(64)}`,
    `x.io/node:1@sha256:${'0'.repeat(64)}`,
    '127.0.0.1:5000/app:x',
  ])('A39 the image %s is accepted', (image) => {
    expect(find(jobs(`j: { image: "${image}", steps: [{ run: x }] }`))).toEqual([]);
  });

  it.each([
    'catalog',
    'team/catalog',
    'r.io/a:1',
    `r.io/a@sha256:${'a'.repeat(64)}`,
    'https://r.io/a',
    '-r.io/a',
    'r.io/../a',
  ])('A39 the repository %s is refused', (repository) => {
    expect(rules(`service: a\nbuild: { image: { repository: "${repository}" } }`)).toEqual(['bad-repository']);
  });

  it.each(['latest', 'node', 'node:latest', 'localhost:5000/a'])(
    'A40 the moving image %s is accepted with a warning',
    (image) => {
      const { definition, findings } = checkDefinition(jobs(`j: { image: "${image}", steps: [{ run: x }] }`), 'f');
      expect(findings).toEqual([expect.objectContaining({ rule: 'mutable-tag', severity: 'warning' })]);
      expect(definition).toBeDefined();
    },
  );

  it.each([
    'privileged: true',
    'volumes: [/var/run/docker.sock]',
    'network: host',
    'pid: host',
    'devices: [/dev/kvm]',
    'cap_add: [ALL]',
    'security_opt: []',
  ])('A41 %s is not for a definition to ask', (line) => {
    expect(find(job(line))).toEqual([
      expect.objectContaining({ rule: 'not-allowed-by-runner-policy', severity: 'error', line: 7 }),
    ]);
    expect(rules(job(`services: { s: { image: a:1, ${line} } }`))).toEqual(['not-allowed-by-runner-policy']);
    expect(rules(`service: a\nbuild: { image: { repository: r.io/a, ${line} } }`)).toEqual([
      'not-allowed-by-runner-policy',
    ]);
  });

  it('A41 the engine socket in a variable is an error, in a script a warning', () => {
    expect(find(job('env: { DOCKER_HOST: unix:///var/run/docker.sock }'))).toEqual([
      expect.objectContaining({ rule: 'not-allowed-by-runner-policy', severity: 'error' }),
    ]);
    expect(find(jobs('j: { image: a:1, steps: [{ run: ls /var/run/docker.sock }] }'))).toEqual([
      expect.objectContaining({ rule: 'not-allowed-by-runner-policy', severity: 'warning' }),
    ]);
  });

  it('A41 a name that only sounds like a power is fine', () => {
    const text = `${jobs('network: { image: a:1, steps: [{ run: x }], env: { privileged: x }, services: { volumes: { image: a:1 } } }')}test: { jobs: { cache: { image: a:1, steps: [{ run: x }] } } }`;
    expect(find(text)).toEqual([]);
  });

  it.each(['999d', '-1', '0', '1e9', '0s', '24h1s', '1.5', '""', '20', '20 m', 'm', '1m1h', '86401', '999999h'])(
    'A43 the timeout %s is refused',
    (timeout) => {
      const written = timeout === '20' ? '"20"' : timeout;
      expect(rules(job(`timeout: ${written}`))).toEqual(['bad-duration']);
      expect(rules(jobs(`j: { image: a:1, steps: [{ run: x, timeout: ${written} }] }`))).toEqual(['bad-duration']);
    },
  );

  it.each<[string, number]>([
    ['90s', 90],
    ['20m', 1200],
    ['1h30m', 5400],
    ['24h', 86_400],
    ['1', 1],
    ['86400', 86_400],
    ['1h0m1s', 3601],
  ])('A43 the timeout %s is %i seconds', (timeout, seconds) => {
    expect(checkDefinition(job(`timeout: ${timeout}`), 'f').definition?.commit?.jobs['j']?.timeoutSeconds).toBe(
      seconds,
    );
  });

  it.each(['${{ secrets.TOKEN }}', '${{ toJSON(secrets) }}', '${{github.event.head_commit.message}}', '${{'])(
    'A28 A44 %s in a script is refused on its own line, with a hint to the environment',
    (template) => {
      const text = jobs(`j:\n  image: a:1\n  steps:\n    - run: |\n        echo hello\n        echo ${template}`);
      expect(find(text)).toEqual([
        expect.objectContaining({ rule: 'template-in-run', severity: 'error', line: 9, column: 18 }),
      ]);
      expect(find(text)[0]?.message).toContain('env');
      expect(rules(job(`env: { V: "${template}" }`))).toEqual(['template-in-env']);
    },
  );

  it('A44 only the declared secrets are bound', () => {
    expect(checkDefinition(job('secrets: [NPM_TOKEN]'), 'f').definition?.commit?.jobs['j']?.secrets).toEqual([
      'NPM_TOKEN',
    ]);
    expect(rules(job('secrets: ["*"]'))).toEqual(['bad-env-name']);
    expect(rules(job('secrets: [SLUICE_TOKEN]'))).toEqual(['reserved-env-name']);
    expect(rules(job('secrets: all'))).toEqual(['wrong-type']);
  });

  it('refuses runner variables and only warns of risky ones', () => {
    expect(rules(job('env: { SLUICE_URL: x }'))).toEqual(['reserved-env-name']);
    expect(rules(job('env: { "1A": x }'))).toEqual(['bad-env-name']);
    expect(find(job('env: { LD_PRELOAD: x }'))).toEqual([
      expect.objectContaining({ rule: 'risky-env', severity: 'warning' }),
    ]);
  });

  it.each(['/etc', '../x', 'a/../../b', '-x', '"a\\\\b"', '""', 'C:/x', '"a\\x01b"'])(
    'the path %s is refused everywhere',
    (path) => {
      for (const key of ['context', 'dockerfile'])
        expect(rules(`service: a\nbuild: { image: { repository: r.io/a, ${key}: ${path} } }`)).toEqual(['unsafe-path']);
      expect(rules(`service: a\non: { paths: [${path}] }`)).toEqual(['unsafe-path']);
      expect(rules(job(`reports: { junit: ${path} }`))).toEqual(['unsafe-path']);
    },
  );

  it.each(['(a+)+$', '{a,b}'.repeat(30), 'a'.repeat(10_000), '*a'.repeat(17), '[a-z]', '!x', 'a***'])(
    'A33 the pattern %j is refused',
    (pattern) => {
      expect(rules(`service: a\non: { push: { branches: [${JSON.stringify(pattern)}] } }`)).toEqual(['bad-pattern']);
      expect(patternProblem(pattern)).toBeDefined();
      expect(matchesPattern(pattern, 'a')).toBe(false);
    },
  );

  it('A33 ten thousand paths are matched, also by the worst pattern', () => {
    const paths = Array.from({ length: 10_000 }, (_, i) => `services/s${i}/src/index.ts`);
    expect(matchesAnyPath(['services/s9999/**'], paths)).toBe(true);
    expect(matchesAnyPath(['services/none/**'], paths)).toBe(false);
    expect(matchesPattern('*a'.repeat(16), 'a'.repeat(5_000))).toBe(true);
    expect(matchesPattern(`${'**/a*'.repeat(8)}b`, 'a/'.repeat(2_000))).toBe(false);
  });
});
