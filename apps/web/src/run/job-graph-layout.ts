import type { JobDetail, StageName } from '../api/shapes.ts';

export interface GraphNode {
  job: JobDetail;
  /** Column within the stage: one more than the deepest job of the same stage that it needs. */
  level: number;
  row: number;
}
export interface GraphStage {
  stage: StageName;
  nodes: GraphNode[];
  levels: number;
}

/** Columns by need inside each stage, rows in the order of the definition. */
export function layOutStage(stage: StageName, jobs: readonly JobDetail[]): GraphStage {
  const mine = jobs.filter((job) => job.stage === stage);
  const byKey = new Map(mine.map((job) => [job.key, job]));
  const levels = new Map<string, number>();
  const levelOf = (job: JobDetail, path: readonly string[]): number => {
    const known = levels.get(job.key);
    if (known !== undefined) return known;
    // A plan has no circles; a broken one must still be drawn.
    const needed = job.needs
      .map((key) => byKey.get(key))
      .filter((need) => need !== undefined && !path.includes(need.key)) as JobDetail[];
    const level = Math.max(-1, ...needed.map((need) => levelOf(need, [...path, job.key]))) + 1;
    levels.set(job.key, level);
    return level;
  };
  const filled = new Map<number, number>();
  const nodes = mine.map((job) => {
    const level = levelOf(job, []);
    const row = filled.get(level) ?? 0;
    filled.set(level, row + 1);
    return { job, level, row };
  });
  return { stage, nodes, levels: Math.max(1, ...nodes.map(({ level }) => level + 1)) };
}

/** Edges of the drawing: what a job needs; a job that names nothing follows the last column of the stage before. */
export function edgesOf(stages: readonly GraphStage[]): { from: GraphNode; to: GraphNode }[] {
  const all = new Map(stages.flatMap(({ nodes }) => nodes.map((node) => [node.job.key, node] as const)));
  const edges: { from: GraphNode; to: GraphNode }[] = [];
  stages.forEach((stage, index) => {
    const before = stages[index - 1];
    const ends =
      before?.nodes.filter((node) => !before.nodes.some(({ job }) => job.needs.includes(node.job.key))) ?? [];
    for (const node of stage.nodes) {
      const named = node.job.needs.map((key) => all.get(key)).filter((need) => need !== undefined);
      for (const from of named.length > 0 ? named : node.level === 0 ? ends : []) edges.push({ from, to: node });
    }
  });
  return edges;
}
