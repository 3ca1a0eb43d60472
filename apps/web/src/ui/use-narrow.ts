import { useSyncExternalStore } from 'react';

const phone = window.matchMedia('(max-width: 819px)');

/** One column, thumbs instead of a pointer. */
export function useNarrow(): boolean {
  return useSyncExternalStore(
    (reader) => {
      phone.addEventListener('change', reader);
      return () => phone.removeEventListener('change', reader);
    },
    () => phone.matches,
  );
}
