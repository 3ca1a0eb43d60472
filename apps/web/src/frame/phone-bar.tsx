import { Link } from '@tanstack/react-router';
import { navigation } from './navigation.ts';
import { MeMenu } from './me-menu.tsx';

export function PhoneBar({ approvals }: { approvals: number }) {
  return (
    <nav
      aria-label="Main"
      className="phone-bar flex border-t border-line bg-surface pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {navigation.map(({ to, word, icon: Icon }) => (
        <Link
          key={to}
          to={to}
          className="relative flex min-w-0 flex-1 flex-col items-center gap-0.5 py-2 text-meta text-text-2"
          activeProps={{ className: 'text-text! font-semibold', 'aria-current': 'page' }}
        >
          <Icon size={19} aria-hidden="true" />
          <span className="max-w-full truncate">{word}</span>
          {to === '/approvals' && approvals > 0 && (
            <span className="tone-gate absolute left-1/2 top-1 ml-1.5 grid h-4 min-w-4 place-items-center rounded-full bg-(--tone-tint) px-1 text-[10px] font-semibold text-(--tone)">
              {approvals}
            </span>
          )}
        </Link>
      ))}
      <div className="grid w-14 place-items-center">
        <MeMenu />
      </div>
    </nav>
  );
}
