/**
 * What makes a path of the definition unsafe to join to a folder or to hand to a program; undefined when nothing does.
 * `.` and `./x` are fine. The back slash is refused because a runner on another system would read it as a separator.
 */
export function pathProblem(path: string): string | undefined {
  if (path === '') return 'it is empty';
  if (path.length > 1024) return 'it is longer than 1024 characters';
  if (path.startsWith('/')) return 'it is absolute';
  if (path.startsWith('-')) return 'it begins with `-`, which programs read as an option';
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'it holds a control character';
  if (path.includes('\\')) return 'it holds a back slash';
  if (/^[A-Za-z]:/.test(path)) return 'it names a drive';
  if (path.split('/').includes('..')) return 'it climbs out of its folder with `..`';
  return undefined;
}
