import { Package, Undo2 } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ApprovalDetail } from '../api/shapes.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
import { shortDigest } from '../ui/wording.ts';
import { consequence } from './approval-words.ts';
import type { Decision } from './use-decision.ts';

/** Repeats service, release, digest and what follows; on phones these are sheets from below. */
export function DecisionDialogs({ detail, decision }: { detail: ApprovalDetail; decision: Decision }) {
  const { decide } = decision;
  const release = `${detail.service} #${detail.to.runNumber}`;
  const error = decision.dialog === null ? null : decide.error;
  return (
    <>
      <ConfirmDialog
        key={`approve ${decision.dialog}`}
        open={decision.dialog === 'approve'}
        onClose={decision.close}
        title={`Release ${release} to ${detail.environment}?`}
        description={consequence(detail)}
        reasonLabel="Note for the record (optional)"
        confirm={detail.needed - detail.given <= 1 ? 'Approve and release' : 'Approve'}
        keep="Not now"
        pending={decide.isPending}
        error={error}
        doing="send the approval"
        onConfirm={(note) => decide.mutate(note)}
      >
        <Facts>
          <Fact icon={<Package size={15} aria-hidden="true" />} name="Image">
            <code title={detail.to.digest}>{shortDigest(detail.to.digest)}</code>
          </Fact>
          <Fact icon={<Undo2 size={15} aria-hidden="true" />} name="If it does not get healthy">
            {detail.from === null ? 'nothing to go back to' : `back to #${detail.from.runNumber}`}
          </Fact>
        </Facts>
      </ConfirmDialog>
      <ConfirmDialog
        key={`reject ${decision.dialog}`}
        open={decision.dialog === 'reject'}
        onClose={decision.close}
        title={`Reject ${release}?`}
        description={`It does not go to ${detail.environment}. What is live there stays.`}
        reasonLabel="Reason"
        reasonNeeded
        confirm="Reject the release"
        keep="Not now"
        danger
        pending={decide.isPending}
        error={error}
        doing="send the rejection"
        onConfirm={(reason) => decide.mutate(reason)}
      />
    </>
  );
}

function Facts({ children }: { children: ReactNode }) {
  return <dl className="card mt-4 divide-y divide-line shadow-none!">{children}</dl>;
}

function Fact({ icon, name, children }: { icon: ReactNode; name: string; children: ReactNode }) {
  return (
    <div className="flex min-h-10 items-center gap-2.5 px-3">
      <dt className="flex items-center gap-2.5 text-text-2">
        {icon}
        {name}
      </dt>
      <dd className="ml-auto font-medium">{children}</dd>
    </div>
  );
}
