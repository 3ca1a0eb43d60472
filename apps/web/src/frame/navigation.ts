import { Inbox, Layers, LayoutGrid, Server, type LucideIcon } from 'lucide-react';

export interface NavigationItem {
  to: '/board' | '/approvals' | '/environments' | '/runners';
  word: string;
  icon: LucideIcon;
  /** The second key of the `G` chord. */
  key: string;
}

export const navigation: readonly NavigationItem[] = [
  { to: '/board', word: 'Board', icon: LayoutGrid, key: 'b' },
  { to: '/approvals', word: 'Approvals', icon: Inbox, key: 'a' },
  { to: '/environments', word: 'Environments', icon: Layers, key: 'e' },
  { to: '/runners', word: 'Runners', icon: Server, key: 'r' },
];
