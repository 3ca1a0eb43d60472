import { useRouterState } from '@tanstack/react-router';
import { Dialog } from '../ui/dialog.tsx';

const everywhere: [string, string][] = [
  ['Ctrl K', 'palette'],
  ['G then B A E R', 'Board, Approvals, Environments, Runners'],
  ['?', 'these keys'],
];
const perScreen: { prefix: RegExp; keys: [string, string][] }[] = [
  {
    prefix: /^\/board/,
    keys: [
      ['/', 'filter'],
      ['J K ↑ ↓', 'next, previous row'],
      ['← →', 'cells of a row'],
      ['Enter', 'open'],
    ],
  },
  {
    prefix: /^\/services\/[^/]+\/runs\//,
    keys: [
      ['1 to 4', 'jump to a stage'],
      ['[ ]', 'previous, next job'],
      ['F', 'follow the log'],
      ['W', 'wrap lines'],
      ['N P', 'next, previous hit'],
      ['L', 'copy link to lines'],
      ['Shift R, Shift X', 'run again, cancel (dialog)'],
    ],
  },
  {
    prefix: /^\/approvals\//,
    keys: [
      ['A', 'approve (dialog)'],
      ['R', 'reject (dialog)'],
      ['J K', 'next, previous'],
    ],
  },
  {
    prefix: /^\/environments/,
    keys: [
      ['← → ↑ ↓', 'cells'],
      ['Enter', 'detail'],
      ['D', 'differences only'],
    ],
  },
];

export function KeyHelp({ onClose }: { onClose: () => void }) {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const keys = [...(perScreen.find(({ prefix }) => prefix.test(path))?.keys ?? []), ...everywhere];
  return (
    <Dialog open onOpenChange={onClose} title="Keys of this screen">
      <dl className="mt-3 grid grid-cols-[auto_1fr] gap-x-6 gap-y-2">
        {keys.map(([key, what]) => (
          <div key={key} className="contents">
            <dt className="mono text-text-2">{key}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
