/**
 * Every rule a finding can cite, with what it asks for. The ids are part of the product: the API returns them, the docs
 * anchor them and people search for them, so an id is never renamed.
 */
export const RULES = {
  'alias-limit':
    'At most 50 aliases, and at most 20,000 values after they are expanded; an alias never contains itself.',
  'artifact-not-reachable': 'An artifact is used only by jobs that start after the one that leaves it has ended.',
  'artifact-of-matrix': 'An artifact of a job with a matrix is not used by other jobs.',
  'artifact-unknown': 'The job does not declare this artifact.',
  'bad-artifact-name': 'The name of an artifact is `[a-z0-9][a-z0-9_-]{0,62}`, and no name of a device.',
  'bad-artifact-reference': 'An artifact is named `<stage>.<job>.artifacts.<name>`.',
  'bad-condition': 'A condition is text that gives true or false, such as `branch == "main"`.',
  'bad-cron':
    'A schedule is minute, hour, day of the month, month and day of the week, and comes at most every 5 minutes.',
  'bad-duration': 'A duration is `90s`, `20m`, `1h30m` or a number of seconds, between 1s and 24h.',
  'bad-env-name': 'An environment or secret name is letters, digits and `_`, and does not begin with a digit.',
  'bad-image': 'An image is an OCI reference such as `node:24` or `registry.example.com/team/app@sha256:...`.',
  'bad-input': 'The default of an input fits its type.',
  'bad-memory': 'Memory is `512m`, `2g` or a number of MiB, between 16 MiB and 256 GiB.',
  'bad-name': 'A name is `[a-z0-9][a-z0-9_-]{0,62}`.',
  'bad-output-reference': 'An output is named `<stage>.<job>.outputs.<name>`.',
  'bad-pattern': 'A pattern has at most 256 characters and 16 wildcards, of which `*`, `**` and `?` exist.',
  'bad-repository': 'A repository is `host[:port]/path`, without tag or digest.',
  'bad-timezone': 'A time zone is an IANA name such as `Europe/Berlin`.',
  'bad-value': 'The value is outside what the key accepts.',
  'built-needs-build': '`image: built` needs a `build` stage that makes the image.',
  'built-outside-test':
    '`image: built` exists in the test stage only, because the image is made after the commit stage.',
  'custom-tag': 'YAML tags other than the core ones are refused.',
  'duplicate-entry': 'The same entry stands twice in one list.',
  'duplicate-environment': 'An environment stands once in `release`.',
  'duplicate-key': 'A key stands once in a mapping.',
  'env-matrix-clash': 'A variable that the matrix or an input sets is not set again.',
  'env-secret-clash': 'A name is either a secret or a plain environment variable, not both.',
  'file-too-large': 'A definition has at most 256 KiB.',
  'generate-in-fragment': 'A generated job generates no further jobs.',
  'generate-in-matrix': 'A job with a matrix generates no jobs.',
  'generated-beyond-its-job':
    'A generated job has no secret and no label that the job which generates it has not, and runs on the host only if that one does.',
  'generated-name-taken': 'A generated job has a name that its stage does not have yet.',
  'healthy-needs-port': '`healthy` is an HTTP path and needs the `port` it is asked on.',
  'host-without-container': 'A job on the host has no image, no service containers and no limits of a container.',
  'invalid-yaml': 'The file is not valid YAML 1.2.',
  'matrix-axis-missing': 'Every variant of a matrix names the same axes.',
  'matrix-axis-unknown': 'The matrix has no such axis.',
  'matrix-empty': 'A matrix has at least one variant.',
  'matrix-exclude-unused': 'An entry of `exclude` fits no variant.',
  'matrix-outputs': 'A job with a matrix has no outputs.',
  'matrix-too-large': 'A matrix makes at most 50 variants, and all jobs of a definition together are at most 200.',
  'merge-key': 'YAML merge keys (`<<`) are refused.',
  'missing-key': 'A required key is absent.',
  'mutable-tag': 'The image has no tag or the tag `latest`, so it can change between two runs.',
  'needs-cycle': 'Jobs wait for each other in a circle.',
  'needs-self': 'A job waits for itself.',
  'needs-unknown': '`needs` names a job that this stage does not have.',
  'not-allowed-by-runner-policy': 'A definition cannot ask for powers over the machine of the runner.',
  'not-supported-yet': 'The key is known, but this version does not run it yet.',
  'output-not-reachable': 'An output is read only by jobs that start after the one that writes it has ended.',
  'output-unknown': 'The job does not declare this output.',
  'release-loop': 'A service is not started by its own release.',
  'release-needs-build': '`release` hands out the image of the `build` stage.',
  'reserved-env-name': 'Names that begin with `SLUICE_` are set by the runner.',
  'reserved-key': '`__proto__`, `constructor` and `prototype` are not accepted as keys.',
  'risky-env': 'The variable changes how programs load code; every step inherits it.',
  'template-in-env': '`${{ }}` is not replaced in values.',
  'template-in-run': '`${{ }}` is never replaced in a script; values come in environment variables.',
  'too-deep': 'A definition nests at most 32 levels.',
  'too-many-findings': 'Only the first 500 findings are listed.',
  'too-many-generated': 'The generated jobs of a run are at most 100, and with those of its definition at most 200.',
  'too-many-jobs': 'A definition has at most 200 jobs.',
  'unknown-key': 'The key does not exist here.',
  unreadable: 'The checker itself failed on this file.',
  'unsafe-path': 'A path is relative, stays inside its folder and does not begin with `-`.',
  'when-without-needs': '`when: failure` needs jobs to wait for.',
  'wrong-type': 'The value has another type than the key asks for.',
} as const satisfies Readonly<Record<string, string>>;

export type RuleId = keyof typeof RULES;

export function isRuleId(text: string): text is RuleId {
  return Object.hasOwn(RULES, text);
}
