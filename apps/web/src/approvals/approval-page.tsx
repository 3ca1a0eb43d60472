import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { ArrowLeft } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { queries } from '../api/queries.ts';
import type { ApprovalDetail } from '../api/shapes.ts';
import { ReadFailed } from '../frame/not-there.tsx';
import { useScreenKeys } from '../frame/use-frame-keys.ts';
import { useLive, useWriteBlock } from '../live/use-live.ts';
import { Age } from '../ui/age.tsx';
import { Avatar } from '../ui/avatar.tsx';
import { SkeletonRows } from '../ui/notice.tsx';
import { Crumb, Crumbs } from '../ui/screen.tsx';
import { StatusPill } from '../ui/status-icon.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { useNarrow } from '../ui/use-narrow.ts';
import { plural } from '../ui/wording.ts';
import { givenOfNeeded, ruleWords } from './approval-words.ts';
import { ApproverList } from './approver-list.tsx';
import { Card, ChangeCard, EvidenceCard, NeighboursCard, SettingsCard } from './change-cards.tsx';
import { DecisionDialogs } from './decision-dialogs.tsx';
import { DecisionBar, decisionBlock, DecisionPanel } from './decision-panel.tsx';
import { PhoneChange } from './phone-change.tsx';
import { useDecision } from './use-decision.ts';

const route = getRouteApi('/signed-in/approvals/$id');

export function ApprovalPage() {
  const { id } = route.useParams();
  const detail = useQuery(queries.approval(id));
  useLive(`deployment:${id}`, ['approval', id]);
  useLive('approvals', ['approval', id]);
  if (detail.isPending) return <SkeletonRows rows={10} height={56} />;
  if (detail.data === undefined) {
    return (
      <ReadFailed
        error={detail.error}
        what="This approval"
        doing="load the approval"
        parent={{ to: '/approvals', word: 'approvals' }}
        onRetry={() => void detail.refetch()}
      />
    );
  }
  return <LoadedApproval key={id} detail={detail.data} />;
}

function LoadedApproval({ detail }: { detail: ApprovalDetail }) {
  const me = useQuery(queries.me());
  const waiting = useQuery(queries.approvals('me'));
  const navigate = useNavigate();
  const decision = useDecision(detail);
  const blocked = decisionBlock(detail, decision, useWriteBlock());
  const narrow = useNarrow();
  const heading = useRef<HTMLHeadingElement>(null);
  const place = waiting.data?.findIndex(({ deploymentId }) => deploymentId === detail.deploymentId) ?? -1;
  const go = (by: number): void => {
    const next = waiting.data?.[place === -1 ? 0 : place + by];
    if (next !== undefined) void navigate({ to: '/approvals/$id', params: { id: next.deploymentId } });
  };
  useScreenKeys({
    a: () => blocked === null && decision.open('approve'),
    r: () => blocked === null && decision.open('reject'),
    j: () => go(1),
    k: () => go(-1),
  });
  // Once decided, the buttons are gone: the reader's place is the heading that says so.
  const decided = detail.decided !== null;
  const wasDecided = useRef(decided);
  useEffect(() => {
    if (decided && !wasDecided.current) heading.current?.focus();
    wasDecided.current = decided;
  }, [decided]);

  return (
    <div className="flex min-h-full flex-col">
      <Crumbs title={`Release ${detail.service} #${detail.to.runNumber}`}>
        <Crumb>
          <Link to="/approvals">Approvals</Link>
        </Crumb>
        <Crumb last>
          {detail.service} #{detail.to.runNumber} to {detail.environment}
        </Crumb>
      </Crumbs>
      <header className="border-b border-line bg-surface px-3 py-4 max-md:border-0 max-md:bg-transparent max-md:pb-1 md:px-6">
        <div className="mb-1 flex items-center md:hidden">
          <Link to="/approvals" className="inline-flex min-h-11 items-center gap-1.5 text-text-2">
            <ArrowLeft size={16} aria-hidden="true" />
            Approvals
          </Link>
          {place >= 0 && (
            <span className="ml-auto text-text-3 tnum">{`${place + 1} of ${waiting.data?.length ?? 0}`}</span>
          )}
        </div>
        <div className="flex flex-wrap items-center gap-3">
          <h1
            ref={heading}
            tabIndex={-1}
            className="text-title font-semibold tracking-[-0.018em] max-md:text-[24px] max-md:leading-[30px]"
          >
            Release {detail.service} #{detail.to.runNumber} to {detail.environment}
          </h1>
          <Outcome detail={detail} />
          {waiting.data !== undefined && waiting.data.length > 0 && (
            <span className="ml-auto flex items-center gap-2 text-sub text-text-2 max-md:hidden">
              <span className="kbd">J</span>
              <span className="kbd">K</span>
              next and previous, {waiting.data.length} {waiting.data.length === 1 ? 'waits' : 'wait'} for you
            </span>
          )}
        </div>
        <div className="mt-1.5 flex flex-wrap items-center gap-x-5 gap-y-1 text-text-2">
          <span className="inline-flex items-center gap-2">
            <Avatar name={detail.requestedBy.name} />
            <span>
              Asked by <UntrustedText text={detail.requestedBy.name} />, <Age at={detail.enteredAt} words />
            </span>
          </span>
          <Link to="/deployments/$id" params={{ id: detail.deploymentId }} className="link">
            Deployment
          </Link>
        </div>
      </header>
      <div className="flex flex-col gap-3 px-3 pt-3 md:px-6 md:pt-4">
        {decision.changed && (
          <div role="alert" className="rounded-control border border-line-2 bg-warning-tint px-4 py-3 text-warning">
            <p className="font-semibold">The release changed while you were reading</p>
            <p className="mt-0.5">Your decision was not taken. The card below is new: read it again, then decide.</p>
            <button type="button" className="btn btn-small mt-2" onClick={decision.readAgain}>
              I have read it again
            </button>
          </div>
        )}
        {detail.decided !== null && (
          <p role="status" className="card px-4 py-3">
            {detail.decided.text}{' '}
            <span className="text-text-3">
              <Age at={detail.decided.at} words />
            </span>
          </p>
        )}
      </div>
      <div className="grid flex-1 content-start gap-4 px-3 py-3 md:px-6 md:pb-6 lg:grid-cols-[minmax(0,1fr)_336px]">
        <div className="flex min-w-0 flex-col gap-4">
          {narrow ? <PhoneChange detail={detail} /> : <ChangeCard detail={detail} />}
          <div className="grid grid-cols-[minmax(0,1fr)] gap-4 md:grid-cols-2">
            {!narrow && <SettingsCard detail={detail} />}
            <EvidenceCard detail={detail} />
          </div>
          <NeighboursCard detail={detail} />
        </div>
        <div className="flex flex-col gap-4 lg:sticky lg:top-4 lg:self-start">
          <Card
            id="approvals-given"
            title="Approvals"
            aside={
              <span title={ruleWords(detail.rule)}>
                {plural(detail.needed, 'person', 'people')}
                {detail.rule.noSelfApproval ? ', no self-approval' : ''}
              </span>
            }
          >
            <ApproverList detail={detail} myId={me.data?.userId} />
          </Card>
          {!decided && <DecisionPanel detail={detail} decision={decision} blocked={blocked} />}
        </div>
      </div>
      {!decided && <DecisionBar decision={decision} blocked={blocked} />}
      <DecisionDialogs detail={detail} decision={decision} />
    </div>
  );
}

function Outcome({ detail }: { detail: ApprovalDetail }) {
  if (detail.decided === null)
    return (
      <StatusPill status="gate" text={`${givenOfNeeded(detail)} ${detail.needed === 1 ? 'approval' : 'approvals'}`} />
    );
  const { outcome } = detail.decided;
  const status = { approved: 'passed', rejected: 'failed', superseded: 'superseded', cancelled: 'cancelled' } as const;
  const words = { approved: 'Approved', rejected: 'Rejected', superseded: 'Superseded', cancelled: 'Cancelled' };
  return <StatusPill status={status[outcome]} text={words[outcome]} />;
}
