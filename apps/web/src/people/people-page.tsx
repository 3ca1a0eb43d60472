import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import type { Person } from '../api/shapes.ts';
import { Avatar } from '../ui/avatar.tsx';
import { ErrorBar, SkeletonRows } from '../ui/notice.tsx';
import { Crumb, Crumbs } from '../ui/screen.tsx';
import { plural } from '../ui/wording.ts';
import { isOwnAddress, PersonIdentities } from './person-identities.tsx';
import { DisablePerson } from './disable-person.tsx';
import { RetentionCard } from './retention-card.tsx';
import { ResetLink } from './reset-link.tsx';

/** System admins: who has an account, and what to do when somebody leaves or forgot the password. */
export function PeoplePage() {
  const me = useQuery(queries.me());
  const people = useQuery(queries.people());
  const [asked, setAsked] = useState<{ what: 'disable' | 'reset' | 'identities'; person: Person }>();
  return (
    <div className="mx-auto max-w-[1040px] px-3 py-3 md:px-6 md:py-4">
      <Crumbs title="People">
        <Crumb last>People</Crumb>
      </Crumbs>
      <div className="mb-3 flex flex-wrap items-center gap-x-3 gap-y-2">
        <h1 className="text-title font-semibold tracking-[-0.018em] max-md:text-[24px] max-md:leading-[30px]">
          People
        </h1>
        <span className="text-text-2 tnum">{plural(people.data?.length ?? 0, 'account')}</span>
      </div>
      {people.isError && (
        <ErrorBar onRetry={() => void people.refetch()}>{problemSentence(people.error, 'load the people')}</ErrorBar>
      )}
      {people.isPending && <SkeletonRows rows={6} height={52} />}
      {people.data !== undefined && (
        <ul className="card">
          {people.data.map((person) => (
            <li
              key={person.userId}
              className="flex min-h-13 flex-wrap items-center gap-x-2 gap-y-1.5 border-b border-line px-4 py-2 last:border-0"
            >
              <Avatar name={person.name} large />
              <span className="min-w-0 flex-1 pl-2">
                <span className="block font-medium">
                  {person.name}
                  {person.disabled && <span className="ml-2 font-normal text-failed">disabled</span>}
                  {person.systemAdmin && <span className="ml-2 font-normal text-text-2">system admin</span>}
                </span>
                <span className="block text-sub wrap-anywhere text-text-2">
                  {person.email}
                  {person.memberships.map(({ team, role }) => `, ${role} in ${team}`).join('')}
                </span>
                <Links person={person} />
              </span>
              <span className="flex gap-1 max-md:-ml-3 max-md:w-full max-md:pl-[42px]">
                <button
                  type="button"
                  className="btn btn-quiet max-md:px-3"
                  onClick={() => setAsked({ what: 'identities', person })}
                >
                  Identities<span className="sr-only"> of {person.name}</span>
                </button>
                {!person.disabled && (
                  <button
                    type="button"
                    className="btn btn-quiet max-md:px-3"
                    onClick={() => setAsked({ what: 'reset', person })}
                  >
                    Password link<span className="sr-only"> for {person.name}</span>
                  </button>
                )}
                {person.userId !== me.data?.userId && (
                  <button
                    type="button"
                    className="btn max-md:ml-auto"
                    onClick={() => setAsked({ what: 'disable', person })}
                  >
                    {person.disabled ? 'Enable' : 'Disable'}
                    <span className="sr-only"> {person.name}</span>
                  </button>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
      <RetentionCard />
      {asked?.what === 'disable' && <DisablePerson person={asked.person} onClose={() => setAsked(undefined)} />}
      {asked?.what === 'identities' && <PersonIdentities person={asked.person} onClose={() => setAsked(undefined)} />}
      {asked?.what === 'reset' && <ResetLink person={asked.person} onClose={() => setAsked(undefined)} />}
    </div>
  );
}

/** By what forges and commits know the person, besides their own address. */
function Links({ person }: { person: Person }) {
  const others = person.identities.filter((identity) => !isOwnAddress(person, identity));
  return (
    <span className="block text-sub wrap-anywhere text-text-3">
      {others.length === 0
        ? 'linked to no login of a forge'
        : `linked to ${others.map(({ kind, value }) => `${kind} ${value}`).join(', ')}`}
    </span>
  );
}
