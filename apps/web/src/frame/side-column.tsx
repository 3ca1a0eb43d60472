import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { queries } from '../api/queries.ts';
import { Brand } from './brand.tsx';
import { MeMenu } from './me-menu.tsx';
import { navigation } from './navigation.ts';

const item =
  'flex h-8 items-center gap-2.5 rounded-control border border-transparent px-2 text-[13.5px] text-text-2 hover:text-text max-lg:justify-center';

export function SideColumn({ approvals }: { approvals: number }) {
  const board = useQuery(queries.board());
  const sizes = new Map<string, number>();
  for (const service of board.data?.services ?? []) sizes.set(service.team, (sizes.get(service.team) ?? 0) + 1);
  return (
    <aside
      aria-label="Navigation and account"
      className="hidden min-h-0 flex-col border-r border-line bg-bg px-2 pb-3 md:flex"
    >
      <Link
        to="/board"
        className="flex h-12 flex-none items-center px-2 max-lg:justify-center"
        aria-label="Sluice, board"
      >
        <span className="lg:hidden">
          <Brand word={false} />
        </span>
        <span className="hidden lg:inline">
          <Brand />
        </span>
      </Link>
      <nav aria-label="Main">
        <ul className="flex flex-col gap-px">
          {navigation.map(({ to, word, icon: Icon }) => (
            <li key={to}>
              <Link
                to={to}
                className={item}
                title={word}
                activeProps={{
                  className: 'bg-surface border-line! text-text! font-medium shadow-(--shadow-1)',
                  'aria-current': 'page',
                }}
              >
                <Icon size={15} aria-hidden="true" className="flex-none" />
                <span className="max-lg:sr-only flex-1">{word}</span>
                {to === '/approvals' && approvals > 0 && <ApprovalCount approvals={approvals} />}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      {sizes.size > 0 && (
        <nav aria-label="Teams" className="mt-5 min-h-0 flex-1 overflow-auto max-lg:hidden">
          <h2 className="px-2 pb-1 text-sub text-text-2">Teams</h2>
          <ul>
            {board.data?.teams
              .filter((team) => sizes.has(team.slug))
              .map((team) => (
                <li key={team.slug}>
                  <Link to="/board" search={{ team: team.slug }} className={item}>
                    <span className="flex-1 truncate">{team.title}</span>
                    <span className="text-sub text-text-3 tnum">{sizes.get(team.slug)}</span>
                  </Link>
                </li>
              ))}
          </ul>
        </nav>
      )}
      <div className="mt-auto">
        <MeMenu />
      </div>
    </aside>
  );
}

function ApprovalCount({ approvals }: { approvals: number }) {
  return (
    <span className="tone-gate tone-text grid h-5 min-w-5 place-items-center rounded-full bg-(--tone-tint) px-1 text-sub font-semibold tnum max-lg:absolute max-lg:ml-6 max-lg:-mt-5">
      <span aria-hidden="true">{approvals}</span>
      <span className="sr-only">, {approvals} wait for you</span>
    </span>
  );
}
