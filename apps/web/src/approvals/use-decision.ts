import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/contract-client.ts';
import { problemCode } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import type { ApprovalDetail } from '../api/shapes.ts';

/**
 * A decision carries the hash of what was on screen when its dialog opened. If the server answers that the release
 * changed, the card is read again and the reader has to look before deciding; nothing is shown as done before the answer.
 */
export function useDecision(detail: ApprovalDetail) {
  const client = useQueryClient();
  const [changedFrom, setChangedFrom] = useState<string | null>(null);
  const [dialog, setDialog] = useState<{ kind: 'approve' | 'reject'; binding: string } | null>(null);
  const { deploymentId } = detail;

  const decide = useMutation({
    mutationFn: (text: string) => {
      if (dialog === null) throw new Error('A decision is made in its dialog.');
      const { binding } = dialog;
      return dialog.kind === 'approve'
        ? api.lanes.approve({ deploymentId, binding, ...(text === '' ? {} : { note: text }) })
        : api.lanes.reject({ deploymentId, binding, reason: text });
    },
    onSuccess: () => setDialog(null),
    onError: (error) => {
      if (problemCode(error) !== 'release-changed') return;
      setChangedFrom(dialog?.binding ?? detail.binding);
      setDialog(null);
    },
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: queries.approval(deploymentId).queryKey }),
        client.invalidateQueries({ queryKey: ['approvals'] }),
      ]),
  });
  return {
    dialog: dialog?.kind ?? null,
    open(kind: 'approve' | 'reject') {
      decide.reset();
      setDialog({ kind, binding: detail.binding });
    },
    close: () => setDialog(null),
    decide,
    /** The card changed under the reader and has not been confirmed as read. */
    changed: changedFrom !== null,
    readAgain: () => setChangedFrom(null),
  };
}
export type Decision = ReturnType<typeof useDecision>;
