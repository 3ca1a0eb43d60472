import { initials } from './wording.ts';

/** Initials only: pictures would come from elsewhere. The name stands beside it or in the title. */
export function Avatar({ name, large = false }: { name: string; large?: boolean }) {
  return (
    <span className={large ? 'avatar avatar-large' : 'avatar'} title={name} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
