import type { Finding } from '@sluice/pipeline-spec';

/** The first mistake of a file in one sentence, with its place and how many follow. */
export function firstError(findings: readonly Finding[], file: string): string {
  const errors = findings.filter((finding) => finding.severity === 'error');
  const [first] = errors;
  const more = errors.length > 1 ? ` and ${errors.length - 1} more` : '';
  return first ? `${file}:${first.line}:${first.column}: ${first.message}${more}` : `${file} could not be read.`;
}
