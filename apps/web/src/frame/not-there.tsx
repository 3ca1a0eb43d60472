import { Link, useRouter, type ErrorComponentProps } from '@tanstack/react-router';
import { isNotFound, isRemoved, problemSentence } from '../api/problem.ts';
import { EmptyState, ErrorBar } from '../ui/notice.tsx';

export function NotThere({ title, parent }: { title: string; parent: { to: string; word: string } }) {
  return (
    <EmptyState title={title}>
      <Link to={parent.to} className="link">
        Go to {parent.word}
      </Link>
    </EmptyState>
  );
}

export function ScreenFailed({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <div className="p-6">
      <ErrorBar
        onRetry={() => {
          reset();
          void router.invalidate();
        }}
      >
        {problemSentence(error, 'show this page')}
      </ErrorBar>
    </div>
  );
}

/** For the first read of a screen: which of the two it is. */
export function ReadFailed(props: {
  error: unknown;
  what: string;
  doing: string;
  parent: { to: string; word: string };
  onRetry: () => void;
}) {
  if (isRemoved(props.error)) return <NotThere title={props.error.message} parent={props.parent} />;
  // The same words whether a thing never was or may not be seen.
  if (isNotFound(props.error))
    return <NotThere title={`${props.what} does not exist, or you may not see it.`} parent={props.parent} />;
  return (
    <div className="p-6">
      <ErrorBar onRetry={props.onRetry}>{problemSentence(props.error, props.doing)}</ErrorBar>
    </div>
  );
}
