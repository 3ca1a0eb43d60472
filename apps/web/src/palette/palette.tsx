import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Box, GitCommitHorizontal, Moon, Plus, Sun, Monitor, type LucideIcon } from 'lucide-react';
import { Dialog } from 'radix-ui';
import { useId, useState, type KeyboardEvent } from 'react';
import { queries } from '../api/queries.ts';
import { useMayAddServices } from '../identity/use-role.ts';
import { navigation } from '../frame/navigation.ts';
import { chooseTheme } from '../frame/theme.ts';
import { rankPalette, type PaletteEntry } from './rank-palette.ts';

interface Entry extends PaletteEntry {
  icon: LucideIcon;
  group: string;
  act: () => void;
}

/** Goes to places and changes the look; nothing that changes a system runs from here. */
export function Palette({ onClose }: { onClose: () => void }) {
  const [words, setWords] = useState('');
  const [at, setAt] = useState(0);
  const id = useId();
  const entries = useEntries(onClose);
  const found = rankPalette(entries, words).slice(0, 40);
  const active = found[Math.min(at, found.length - 1)];
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setAt((Math.min(at, found.length - 1) + step + found.length) % Math.max(1, found.length));
    }
    if (event.key === 'Enter' && active !== undefined) {
      event.preventDefault();
      active.act();
    }
  };
  return (
    <Dialog.Root open onOpenChange={onClose}>
      <Dialog.Portal>
        <div className="backdrop" aria-hidden="true" />
        <Dialog.Content className="dialog w-[560px]! p-0!" aria-describedby={undefined} onKeyDown={onKeyDown}>
          <Dialog.Title className="sr-only">Search or jump to</Dialog.Title>
          <input
            autoFocus
            role="combobox"
            aria-expanded="true"
            aria-controls={`${id}-list`}
            aria-activedescendant={active === undefined ? undefined : `${id}-${active.key}`}
            aria-label="Search or jump to"
            placeholder="Service, run like catalog 1287, page or theme"
            className="h-12 w-full border-b border-line bg-transparent px-4 text-[15px] outline-none"
            value={words}
            onChange={(event) => {
              setWords(event.target.value);
              setAt(0);
            }}
          />
          <div id={`${id}-list`} role="listbox" aria-label="Results" className="max-h-[52vh] overflow-auto p-1.5">
            {found.map((entry, index) => (
              <div key={entry.key}>
                {found[index - 1]?.group !== entry.group && (
                  <div role="presentation" className="px-2.5 pt-2 pb-1 text-sub text-text-3">
                    {entry.group}
                  </div>
                )}
                <div
                  id={`${id}-${entry.key}`}
                  role="option"
                  aria-selected={entry === active}
                  className={`menu-item cursor-pointer ${entry === active ? 'bg-sunken' : ''}`}
                  onClick={entry.act}
                  onPointerMove={() => setAt(index)}
                >
                  <entry.icon size={14} className="text-text-2" aria-hidden="true" />
                  {entry.name}
                  {entry.hint !== undefined && <span className="ml-auto text-sub text-text-3">{entry.hint}</span>}
                </div>
              </div>
            ))}
          </div>
          {found.length === 0 && (
            <p className="px-4 pb-4 text-text-2">
              Nothing found. Services, runs by number, pages and themes can be found here.
            </p>
          )}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function useEntries(onClose: () => void): Entry[] {
  const board = useQuery(queries.board());
  const mayAdd = useMayAddServices();
  const navigate = useNavigate();
  const then = (act: () => void) => () => {
    onClose();
    act();
  };
  const services = board.data?.services ?? [];
  return [
    ...navigation.map(({ to, word, icon }) => ({
      key: to.slice(1),
      name: word,
      icon,
      group: 'Go to',
      act: then(() => void navigate({ to })),
    })),
    ...services.map((service) => ({
      key: `service-${service.slug}`,
      name: service.slug,
      hint: service.team,
      icon: Box,
      group: 'Services',
      act: then(() => void navigate({ to: '/services/$service', params: { service: service.slug } })),
    })),
    ...services.flatMap(({ slug, latest }) =>
      latest === null
        ? []
        : [
            {
              key: `run-${slug}`,
              name: `${slug} #${latest.number}`,
              hint: latest.commit.slice(0, 7),
              match: `${slug} ${latest.number} ${latest.commit}`,
              icon: GitCommitHorizontal,
              group: 'Newest runs',
              onlyWhenTyped: true,
              act: then(
                () =>
                  void navigate({
                    to: '/services/$service/runs/$number',
                    params: { service: slug, number: String(latest.number) },
                  }),
              ),
            },
          ],
    ),
    ...(mayAdd
      ? [
          {
            key: 'connect',
            name: 'Connect a repository',
            icon: Plus,
            group: 'Do',
            act: then(() => void navigate({ to: '/welcome' })),
          },
        ]
      : []),
    { key: 'light', name: 'Light theme', icon: Sun, group: 'Do', act: then(() => chooseTheme('light')) },
    { key: 'dark', name: 'Dark theme', icon: Moon, group: 'Do', act: then(() => chooseTheme('dark')) },
    {
      key: 'system',
      name: 'Theme like the system',
      icon: Monitor,
      group: 'Do',
      act: then(() => chooseTheme('system')),
    },
  ];
}
