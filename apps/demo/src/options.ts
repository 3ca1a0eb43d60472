/** `npm run demo -- [--yes] [--push]`; anything else is refused with the list of what there is. */
export interface DemoOptions {
  /** Approve at the gates as the demo's release manager, check production and end. */
  readonly yes: boolean;
  /** Push one new commit to one service, of a running demo or of one started for it. */
  readonly push: boolean;
}

export function readOptions(args: readonly string[]): DemoOptions {
  const unknown = args.filter((arg) => arg !== '--yes' && arg !== '--push');
  if (unknown.length > 0) {
    throw new Error(
      `Unknown option ${unknown.join(' ')}: use --yes (approve and check production) or --push (one new commit).`,
    );
  }
  return { yes: args.includes('--yes'), push: args.includes('--push') };
}
