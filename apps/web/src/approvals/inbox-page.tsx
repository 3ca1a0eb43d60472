import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { ArrowRight, ChevronRight } from 'lucide-react';
import { problemSentence } from '../api/problem.ts';
import { queries } from '../api/queries.ts';
import type { ApprovalItem } from '../api/shapes.ts';
import { useLive } from '../live/use-live.ts';
import { Age } from '../ui/age.tsx';
import { EmptyState, ErrorBar, SkeletonRows } from '../ui/notice.tsx';
import { Crumb, Crumbs } from '../ui/screen.tsx';
import { StatusPill } from '../ui/status-icon.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { shortDigest } from '../ui/wording.ts';
import { givenOfNeeded } from './approval-words.ts';

const route = getRouteApi('/signed-in/approvals');
const lists = [
  ['me', 'For you'],
  ['all', 'All'],
  ['decided', 'Decided'],
] as const;

export function InboxPage() {
  const chosen = route.useSearch().for ?? 'me';
  useLive('approvals', ['approvals']);
  const counts = {
    me: useQuery(queries.approvals('me')).data?.length,
    all: useQuery(queries.approvals('all')).data?.length,
    decided: undefined,
  };
  const items = useQuery(queries.approvals(chosen));
  return (
    <div className="mx-auto max-w-[960px] px-3 py-3 md:px-6 md:py-4">
      <Crumbs title="Approvals">
        <Crumb last>Approvals</Crumb>
      </Crumbs>
      <h1 className="text-title font-semibold tracking-[-0.018em] max-md:text-[24px] max-md:leading-[30px]">
        Approvals
      </h1>
      <nav aria-label="Lists" className="mt-3 mb-3 flex gap-2">
        {lists.map(([value, word]) => (
          <Link
            key={value}
            to="/approvals"
            search={value === 'me' ? {} : { for: value }}
            replace
            activeProps={{}}
            aria-current={chosen === value ? 'page' : undefined}
            className={`btn rounded-full! max-md:h-11! ${chosen === value ? 'border-text! font-semibold' : ''}`}
          >
            {word}
            {counts[value] !== undefined && <span className="tnum">{counts[value]}</span>}
          </Link>
        ))}
      </nav>
      {items.isError && (
        <ErrorBar onRetry={() => void items.refetch()}>{problemSentence(items.error, 'load the approvals')}</ErrorBar>
      )}
      {items.isPending && <SkeletonRows rows={4} height={88} />}
      {items.data?.length === 0 && (
        <div className="card">
          <EmptyState
            title={
              chosen === 'me'
                ? 'Nothing waits for you.'
                : chosen === 'all'
                  ? 'No release waits for approval.'
                  : 'Nothing was decided yet.'
            }
          />
        </div>
      )}
      <ul className="flex flex-col gap-2.5">
        {items.data?.map((item) => (
          <li key={item.deploymentId}>
            <Item item={item} decided={chosen === 'decided'} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Item({ item, decided }: { item: ApprovalItem; decided: boolean }) {
  return (
    <Link
      to="/approvals/$id"
      params={{ id: item.deploymentId }}
      className="card flex items-center gap-3 px-4 py-3 hover:border-line-2 max-md:rounded-phone!"
    >
      <span className="min-w-0 flex-1">
        <span className="flex flex-wrap items-center gap-x-2.5 gap-y-1">
          <strong className="text-section font-semibold max-md:text-[17px]">{item.service}</strong>
          <span className="inline-flex items-center gap-1.5 tnum">
            <span className="text-text-2">{item.from === null ? 'first release' : `#${item.from.runNumber}`}</span>
            <ArrowRight size={12} className="text-text-3" role="img" aria-label="to" />
            <strong className="font-semibold">#{item.to.runNumber}</strong>
          </span>
          <code className="text-text-3" title={item.to.digest}>
            {shortDigest(item.to.digest)}
          </code>
          <span className="ml-auto">
            {decided ? <StatusPill status={item.status} /> : <StatusPill status="gate" text={givenOfNeeded(item)} />}
          </span>
        </span>
        <span className="mt-1 block text-text-2">
          {item.environment}, asked by <UntrustedText text={item.requestedBy.name} />, <Age at={item.enteredAt} words />
        </span>
        {!decided && item.neededWhy !== undefined && (
          <span className="mt-0.5 block text-sub text-warning">
            <UntrustedText text={item.neededWhy} />
          </span>
        )}
        {!decided && !item.me.can && item.me.why !== null && (
          <span className="mt-0.5 block text-sub text-text-3">{item.me.why}</span>
        )}
      </span>
      <ChevronRight size={15} className="flex-none text-text-3" aria-hidden="true" />
    </Link>
  );
}
