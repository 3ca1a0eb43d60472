import { useQuery } from '@tanstack/react-query';
import { Check, LogOut, Monitor, Moon, Plus, Sun, UserRound, Users } from 'lucide-react';
import { useNavigate } from '@tanstack/react-router';
import { DropdownMenu } from 'radix-ui';
import { api } from '../api/contract-client.ts';
import { queries } from '../api/queries.ts';
import type { Me } from '../api/shapes.ts';
import { useMayAddServices } from '../identity/use-role.ts';
import { Avatar } from '../ui/avatar.tsx';
import { chooseTheme, useThemeChoice } from './theme.ts';

const themes = [
  { choice: 'system', word: 'Like the system', icon: Monitor },
  { choice: 'light', word: 'Light', icon: Sun },
  { choice: 'dark', word: 'Dark', icon: Moon },
] as const;

export function MeMenu() {
  const me = useQuery(queries.me());
  const mayAdd = useMayAddServices();
  const theme = useThemeChoice();
  const navigate = useNavigate();
  if (me.data === undefined) return null;
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className="flex w-full items-center gap-2.5 rounded-control p-1.5 text-left hover:bg-sunken max-lg:justify-center">
        <Avatar name={me.data.name} large />
        <span className="min-w-0 max-lg:sr-only">
          <span className="block truncate font-medium leading-[18px]">{me.data.name}</span>
          <span className="block truncate text-sub text-text-3">{roleWord(me.data)}</span>
          <span className="sr-only">, account and theme</span>
        </span>
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="popover w-56! p-1.5!" side="top" align="start" sideOffset={6}>
          <DropdownMenu.Label className="px-2.5 py-1 text-sub text-text-3">Theme</DropdownMenu.Label>
          <DropdownMenu.RadioGroup value={theme}>
            {themes.map(({ choice, word, icon: Icon }) => (
              <DropdownMenu.RadioItem
                key={choice}
                value={choice}
                className="menu-item"
                onSelect={() => chooseTheme(choice)}
              >
                <Icon size={14} aria-hidden="true" />
                <span className="flex-1">{word}</span>
                <DropdownMenu.ItemIndicator>
                  <Check size={14} aria-hidden="true" />
                </DropdownMenu.ItemIndicator>
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
          <DropdownMenu.Separator className="my-1.5 border-t border-line" />
          <DropdownMenu.Item className="menu-item" onSelect={() => void navigate({ to: '/account' })}>
            <UserRound size={14} aria-hidden="true" />
            Your account
          </DropdownMenu.Item>
          {me.data.systemAdmin && (
            <DropdownMenu.Item className="menu-item" onSelect={() => void navigate({ to: '/people' })}>
              <Users size={14} aria-hidden="true" />
              People
            </DropdownMenu.Item>
          )}
          {mayAdd && (
            <DropdownMenu.Item className="menu-item" onSelect={() => void navigate({ to: '/welcome' })}>
              <Plus size={14} aria-hidden="true" />
              Connect a repository
            </DropdownMenu.Item>
          )}
          <DropdownMenu.Item className="menu-item" onSelect={() => void signOut()}>
            <LogOut size={14} aria-hidden="true" />
            Sign out
          </DropdownMenu.Item>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

async function signOut(): Promise<void> {
  await api.identity.signOut();
  // A full load drops everything that was read with the old session.
  window.location.assign('/login');
}

const words = {
  viewer: 'Viewer',
  developer: 'Developer',
  'release-manager': 'Release manager',
  admin: 'Team admin',
} as const;
const rank = ['viewer', 'developer', 'release-manager', 'admin'] as const;

/** The strongest role over all teams; what it allows in each team is the server's decision. */
function roleWord(me: Me): string {
  if (me.systemAdmin) return 'System admin';
  const strongest = me.memberships.map(({ role }) => rank.indexOf(role)).sort((a, b) => b - a)[0];
  const role = strongest === undefined ? undefined : rank[strongest];
  return role === undefined ? 'No team yet' : words[role];
}
