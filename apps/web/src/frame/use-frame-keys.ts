import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { navigation } from './navigation.ts';
import { takesKeys } from './typing.ts';

const CHORD_MS = 1500;

/** Ctrl/Cmd K, `?`, and `G` followed by the letter of a screen. */
export function useFrameKeys(actions: { openPalette: () => void; openHelp: () => void }): void {
  const navigate = useNavigate();
  const latest = useRef(actions);
  useEffect(() => {
    latest.current = actions;
  });
  useEffect(() => {
    let chordUntil = 0;
    const onKey = (event: KeyboardEvent): void => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
        event.preventDefault();
        latest.current.openPalette();
        return;
      }
      if (takesKeys(event)) return;
      if (event.key === '?') latest.current.openHelp();
      if (event.key === 'g') {
        chordUntil = event.timeStamp + CHORD_MS;
        return;
      }
      const screen = navigation.find(({ key }) => key === event.key);
      if (event.timeStamp < chordUntil && screen !== undefined) {
        event.preventDefault();
        event.stopImmediatePropagation();
        void navigate({ to: screen.to });
      }
      chordUntil = 0;
    };
    window.addEventListener('keydown', onKey, { capture: true });
    return () => window.removeEventListener('keydown', onKey, { capture: true });
  }, [navigate]);
}

/** Keys of one screen; `Shift+` before a letter asks for the shift key. */
export function useScreenKeys(keys: Record<string, () => void>): void {
  const latest = useRef(keys);
  useEffect(() => {
    latest.current = keys;
  });
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (takesKeys(event)) return;
      const name =
        event.shiftKey && event.key.length === 1 && /[a-z]/i.test(event.key)
          ? `Shift+${event.key.toUpperCase()}`
          : event.key;
      const action = latest.current[name];
      if (action === undefined) return;
      event.preventDefault();
      action();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}
