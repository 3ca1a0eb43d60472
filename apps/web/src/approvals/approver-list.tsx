import { Check, Lock, TriangleAlert } from 'lucide-react';
import type { ApprovalDetail } from '../api/shapes.ts';
import { Avatar } from '../ui/avatar.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { clockTime } from '../ui/wording.ts';

const parts = { pushed: 'pushed this', triggered: 'started this', authored: 'wrote a commit' } as const;

/** Each person with what they may do, and why not where they may not. */
export function ApproverList({ detail, myId }: { detail: ApprovalDetail; myId: string | undefined }) {
  return (
    <>
      <ul className="py-1.5">
        {detail.approvers.map((person) => (
          <li key={person.userId} className="px-4 py-1.5">
            <div className="flex items-center gap-3">
              <Avatar name={person.name} large />
              <span className="min-w-0 flex-1">
                <span className="block truncate font-medium leading-[18px]">{person.name}</span>
                <span className="block text-sub text-text-2 first-letter:uppercase">
                  {person.state === 'cannot' && person.why !== null
                    ? person.why
                    : person.roles.map((role) => role.replace('-', ' ')).join(', ')}
                  {person.at !== null && `, ${clockTime(person.at)}`}
                </span>
              </span>
              <PersonState person={person} mine={person.userId === myId} />
            </div>
            {person.note !== null && (
              <p className="mt-1 ml-[38px] text-text-2">
                <UntrustedText text={person.note} />
              </p>
            )}
          </li>
        ))}
      </ul>
      {detail.neededWhy !== undefined && (
        <p className="border-t border-line px-4 py-2 text-sub text-warning">
          <UntrustedText text={detail.neededWhy} />
        </p>
      )}
      {detail.unlinked.map(({ part, identity }) => (
        <p key={`${part} ${identity}`} className="flex gap-2.5 border-t border-line px-4 py-2 text-sub text-warning">
          <TriangleAlert size={14} className="mt-px flex-none" aria-hidden="true" />
          <span>
            <UntrustedText text={identity} /> {parts[part]} and is linked to nobody here
            {part === 'authored'
              ? '. Anybody can write an author line: it changes nothing.'
              : ', so it may be anybody.'}
          </span>
        </p>
      ))}
    </>
  );
}

function PersonState({ person, mine }: { person: ApprovalDetail['approvers'][number]; mine: boolean }) {
  if (person.state === 'approved') {
    return (
      <span className="inline-flex items-center gap-1.5 font-medium text-passed">
        <Check size={14} aria-hidden="true" />
        Approved
      </span>
    );
  }
  if (person.state === 'cannot') {
    return (
      <span className="inline-flex items-center gap-1.5 text-text-2">
        <Lock size={13} aria-hidden="true" />
        Cannot
      </span>
    );
  }
  return mine ? (
    <span className="font-medium text-gate">Your turn</span>
  ) : (
    <span className="text-text-2">Can approve</span>
  );
}
