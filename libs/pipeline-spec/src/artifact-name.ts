const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
/** Names that some systems give to devices: a person who saves the file there would not get a file. */
const DEVICE = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])$/;

/** What makes a name unfit for an artifact, as a sentence part; undefined when nothing does. It becomes a file name and a header. */
export function artifactNameProblem(name: string): string | undefined {
  if (!NAME.test(name)) return 'it is not 1 to 63 of `a-z`, `0-9`, `_`, `-`, beginning with a letter or digit';
  if (DEVICE.test(name)) return 'some systems know it as a device';
  return undefined;
}
