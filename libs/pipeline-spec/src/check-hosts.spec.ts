import { describe, expect, it } from 'vitest';
import { checkDefinition } from './check-definition.ts';

const withJob = (job: string): string => `service: a\ncommit:\n  jobs:\n    j: ${job}\n`;
const findings = (text: string) =>
  checkDefinition(text, 'sluice.yaml').findings.map(
    ({ line, column, rule, path, message }) => `${line}:${column} ${rule} ${path}: ${message}`,
  );

describe('a job on the host', () => {
  it('names no image, and everything but containers is as always', () => {
    const { definition, findings: none } = checkDefinition(
      withJob('{ host: true, steps: [{ run: "true" }], labels: [mac], secrets: [KEY] }'),
      'f',
    );
    expect(none).toEqual([]);
    expect(definition?.commit?.jobs['j']).toMatchObject({ labels: ['mac'], secrets: ['KEY'] });
    expect(definition?.commit?.jobs['j']).not.toHaveProperty('image');
  });

  it.each([
    ['image: "a:1"', 'image'],
    ['services: { db: { image: "a:1" } }', 'services'],
    ['resources: { cpus: 1 }', 'resources'],
  ])('is refused with %s, at that key', (key, name) => {
    const [finding, ...more] = findings(withJob(`{ host: true, steps: [{ run: x }], ${key} }`));
    expect(finding).toContain(
      `4:43 host-without-container commit.jobs.j.${name}: \`${name}\` does not go with \`host\``,
    );
    expect(more).toEqual([]);
  });

  it('or one in a container, not neither', () => {
    expect(findings(withJob('{ steps: [{ run: x }] }'))).toEqual([
      '4:5 missing-key commit.jobs.j.image: `commit.jobs.j.image` is missing; name the image that the steps run in, such as `node:24`.',
    ]);
  });

  it.each(['false', '"yes"'])('is said by true alone, not %s', (value) => {
    expect(findings(withJob(`{ host: ${value}, steps: [{ run: x }] }`))).toEqual([
      expect.stringMatching(/^4:1\d wrong-type commit\.jobs\.j\.host: .*must be `true`/) as string,
    ]);
  });

  it('is no way to build an image', () => {
    expect(findings('service: a\nbuild: { image: { repository: r.example.com/a, host: true } }\n')).toEqual([
      '2:48 host-without-container build.image.host: An image is built by the container engine, never on the host; remove `host`.',
    ]);
  });
});
