/** Which suites run, each with the arguments meant for it; `undefined` leaves a suite out. */
export interface ChosenSuites {
  readonly vitest: readonly string[] | undefined;
  readonly endToEnd: readonly string[] | undefined;
}

/**
 * `npm test` runs everything; `--unit` and `--e2e` choose one side and hand it the other arguments.
 * Arguments without either flag narrow down the unit and contract tests: `npm test -- libs/engine`.
 */
export function chooseSuites(args: readonly string[]): ChosenSuites {
  const rest = args.filter((argument) => argument !== '--unit' && argument !== '--e2e');
  const unit = args.includes('--unit');
  const endToEnd = args.includes('--e2e');
  if (unit && endToEnd) return { vitest: rest, endToEnd: rest };
  if (endToEnd) return { vitest: undefined, endToEnd: rest };
  if (unit || rest.length > 0) return { vitest: rest, endToEnd: undefined };
  return { vitest: [], endToEnd: [] };
}
