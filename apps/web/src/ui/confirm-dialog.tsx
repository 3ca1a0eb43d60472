import { useId, useState, type ReactNode } from 'react';
import { problemSentence } from '../api/problem.ts';
import { Dialog } from './dialog.tsx';
import { ErrorBar } from './notice.tsx';

/** Nothing that changes a system happens without one of these. The button waits for the server's answer. */
export function ConfirmDialog(props: {
  open: boolean;
  onClose: () => void;
  title: string;
  description: ReactNode;
  children?: ReactNode;
  reasonLabel?: string;
  reasonNeeded?: boolean;
  confirm: string;
  keep: string;
  danger?: boolean;
  pending: boolean;
  error: unknown;
  doing: string;
  onConfirm: (reason: string) => void;
}) {
  const id = useId();
  const [reason, setReason] = useState('');
  const missing = props.reasonNeeded === true && reason.trim() === '';
  return (
    <Dialog
      open={props.open}
      onOpenChange={(open) => !open && props.onClose()}
      title={props.title}
      description={props.description}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!missing && !props.pending) props.onConfirm(reason.trim());
        }}
      >
        {props.children}
        {props.reasonLabel !== undefined && (
          <div className="mt-3">
            <label htmlFor={id} className="mb-1 block font-medium">
              {props.reasonLabel}
            </label>
            <textarea
              id={id}
              className="field"
              value={reason}
              maxLength={1000}
              required={props.reasonNeeded === true}
              onChange={(event) => setReason(event.target.value)}
            />
          </div>
        )}
        {props.error !== null && props.error !== undefined && (
          <div className="mt-3">
            <ErrorBar>{problemSentence(props.error, props.doing)}</ErrorBar>
          </div>
        )}
        <div className="mt-4 flex justify-end gap-2 max-md:flex-col-reverse">
          <button type="button" className="btn btn-quiet" onClick={props.onClose}>
            {props.keep}
          </button>
          <button
            type="submit"
            className={props.danger === true ? 'btn btn-danger' : 'btn btn-ink'}
            disabled={props.pending || missing}
            aria-busy={props.pending}
          >
            {props.confirm}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
