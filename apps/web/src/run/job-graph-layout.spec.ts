import { expect, it } from 'vitest';
import type { JobDetail } from '../api/shapes.ts';
import { edgesOf, layOutStage } from './job-graph-layout.ts';

const job = (key: string, stage: string, needs: string[] = []): JobDetail =>
  ({ key, stage, needs }) as unknown as JobDetail;
const jobs = [
  job('lint', 'commit'),
  job('unit', 'commit'),
  job('image', 'build'),
  job('a', 'test'),
  job('b', 'test'),
  job('e2e', 'test', ['a', 'b']),
];

it('puts a job one column after what it needs', () => {
  const test = layOutStage('test', jobs);
  expect(test.nodes.map(({ job: { key }, level, row }) => [key, level, row])).toEqual([
    ['a', 0, 0],
    ['b', 0, 1],
    ['e2e', 1, 0],
  ]);
  expect(test.levels).toBe(2);
});

it('joins stages where nothing is named', () => {
  const edges = edgesOf((['commit', 'build', 'test'] as const).map((stage) => layOutStage(stage, jobs)));
  expect(edges.map(({ from, to }) => `${from.job.key}>${to.job.key}`)).toEqual([
    'lint>image',
    'unit>image',
    'image>a',
    'image>b',
    'a>e2e',
    'b>e2e',
  ]);
});

it('draws a broken plan with a circle instead of hanging', () => {
  expect(layOutStage('test', [job('x', 'test', ['y']), job('y', 'test', ['x'])]).nodes).toHaveLength(2);
});
