/** What the product has acknowledged: from then on it is held to it. What got no answer may have happened or not, so it is no part of this. */
export type Acknowledged =
  /** `delivery` is the id that the product answered with. */
  | { readonly kind: 'webhook'; readonly service: string; readonly commit: string; readonly delivery: string }
  | {
      readonly kind: 'log';
      readonly attempt: string;
      readonly offset: number;
      readonly length: number;
      readonly sha256: string;
    }
  | {
      readonly kind: 'result';
      readonly attempt: string;
      readonly epoch: number;
      readonly outcome: string;
      readonly logSha256: string;
    }
  | { readonly kind: 'approve' | 'reject'; readonly deployment: string; readonly userId: string }
  | { readonly kind: 'cancel'; readonly run: string }
  /** A runner was told to keep the container of this attempt. */
  | { readonly kind: 'keep'; readonly attempt: string }
  | { readonly kind: 'open-shell'; readonly attempt: string; readonly shell: string }
  | { readonly kind: 'end-kept'; readonly attempt: string }
  /** `run` is the new one. */
  | { readonly kind: 'rerun'; readonly run: string };

/** One commit that was pushed to a service's branch; in the order of the pushes. */
export interface Pushed {
  readonly service: string;
  readonly commit: string;
}

export interface History {
  readonly pushed: readonly Pushed[];
  readonly acknowledged: readonly Acknowledged[];
  /** The job whose log is known in full, and how many numbered lines it prints. */
  readonly counted: { readonly job: string; readonly lines: number };
}

/** What the job that counts prints: line by line, each with the number and the commit. */
export function countedText(commit: string, lines: number): string {
  return Array.from({ length: lines }, (_, index) => `line ${index + 1} of ${commit}\n`).join('');
}
