import { Undo2 } from 'lucide-react';
import type { ApprovalDetail } from '../api/shapes.ts';
import { consequence } from './approval-words.ts';
import type { Decision } from './use-decision.ts';

/** Why the viewer can't decide just now, in words; null when they can. */
export function decisionBlock(detail: ApprovalDetail, decision: Decision, offline: string | null): string | null {
  if (detail.decided !== null) return detail.decided.text;
  if (!detail.me.can) return detail.me.why ?? 'You may not decide here.';
  if (decision.changed) return 'Read the changed card first.';
  return offline;
}

export function DecisionPanel({
  detail,
  decision,
  blocked,
}: {
  detail: ApprovalDetail;
  decision: Decision;
  blocked: string | null;
}) {
  return (
    <section className="card p-4 max-md:hidden" aria-label="Decision">
      <div className="flex flex-col gap-2.5">
        <button
          type="button"
          className="btn btn-ink h-9!"
          disabled={blocked !== null}
          onClick={() => decision.open('approve')}
          aria-keyshortcuts="A"
        >
          {detail.needed - detail.given <= 1 ? 'Approve and release' : 'Approve'}
          <span className="kbd" aria-hidden="true">
            A
          </span>
        </button>
        <button
          type="button"
          className="btn btn-danger h-9!"
          disabled={blocked !== null}
          onClick={() => decision.open('reject')}
          aria-keyshortcuts="R"
        >
          Reject
          <span className="kbd" aria-hidden="true">
            R
          </span>
        </button>
      </div>
      <div className="mt-3 flex flex-col gap-2.5 text-sub text-text-2">
        {blocked !== null ? (
          <p role="status">{blocked}</p>
        ) : (
          <>
            <p>{consequence(detail)}</p>
            {detail.from !== null && (
              <p className="flex gap-2.5">
                <Undo2 size={14} className="mt-px flex-none" aria-hidden="true" />
                If it does not get healthy, Sluice goes back to #{detail.from.runNumber} by itself.
              </p>
            )}
          </>
        )}
      </div>
    </section>
  );
}

/** Within reach of a thumb, above the home indicator. */
export function DecisionBar({ decision, blocked }: { decision: Decision; blocked: string | null }) {
  return (
    <div className="decision-bar sticky bottom-0 z-20 border-t border-line bg-surface px-3 pt-3 pb-[calc(12px+env(safe-area-inset-bottom))] md:hidden">
      {blocked !== null && <p className="mb-2 text-text-2">{blocked}</p>}
      <div className="flex gap-2.5">
        <button
          type="button"
          className="btn btn-danger flex-1"
          disabled={blocked !== null}
          onClick={() => decision.open('reject')}
        >
          Reject
        </button>
        <button
          type="button"
          className="btn btn-ink flex-[2.1]"
          disabled={blocked !== null}
          onClick={() => decision.open('approve')}
        >
          Review and approve
        </button>
      </div>
    </div>
  );
}
