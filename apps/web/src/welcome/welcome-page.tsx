import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { CircleCheck, Circle, CircleDot } from 'lucide-react';
import { useEffect, useState, type ReactNode } from 'react';
import { queries } from '../api/queries.ts';
import type { Repository } from '../api/shapes.ts';
import { Brand } from '../frame/brand.tsx';
import { useIsSystemAdmin, useMay, useTeamsWhereIMay } from '../identity/use-role.ts';
import { LiveMark } from '../live/live-mark.tsx';
import { useLive } from '../live/use-live.ts';
import { EmptyState, SkeletonRows } from '../ui/notice.tsx';
import { ConnectRepository } from './connect-repository.tsx';
import { CreateAdmin } from './create-admin.tsx';
import { FirstRun } from './first-run.tsx';
import { FirstDelivery, HookSettings } from './hook-settings.tsx';
import { RegisterService } from './register-service.tsx';
import { Select } from '../ui/select.tsx';
import { isPresent } from '../ui/is-present.ts';

const route = getRouteApi('/welcome');
type StepState = 'done' | 'now' | 'later';

/** From an empty installation to the first run, on one page. Leaving and coming back goes on where the server stands. */
export function WelcomePage() {
  const { token } = route.useSearch();
  const setup = useQuery(queries.setupState());
  const me = useQuery({ ...queries.me(), enabled: setup.data?.needed === false });
  useEffect(() => {
    document.title = 'Welcome · Sluice';
  }, []);
  return (
    <main className="mx-auto min-h-full max-w-[860px] px-4 py-8">
      <div className="mb-8 flex items-center">
        <Brand />
        <span className="ml-auto">{me.data !== undefined && <LiveMark />}</span>
      </div>
      {setup.isPending ? null : setup.data?.needed === true ? (
        token === undefined ? (
          <div className="card">
            <EmptyState title="This installation has no account yet">
              The server printed a one-time link when it started. Open that link to create the first account; starting
              the server again prints it again.
            </EmptyState>
          </div>
        ) : (
          <CreateAdmin token={token} />
        )
      ) : me.isError ? (
        <div className="card">
          <EmptyState title="The first account exists already">
            <Link to="/login" search={{ next: '/welcome' }} className="btn btn-ink mt-2">
              Sign in to go on
            </Link>
          </EmptyState>
        </div>
      ) : (
        me.data !== undefined && <Steps />
      )}
    </main>
  );
}

function Steps() {
  const teams = useQuery(queries.teams());
  const [team, setTeam] = useState<string | null>(null);
  const system = useIsSystemAdmin();
  const adminOf = useTeamsWhereIMay('admin');
  const connectable = (teams.data ?? []).filter(({ slug }) => adminOf.includes(slug));
  const mayConnect = system || connectable.length > 0;
  const chosenTeam = team ?? connectable[0]?.slug ?? teams.data?.[0]?.slug ?? null;
  const [another, setAnother] = useState(false);
  const [connected, setConnected] = useState<{ repository: Repository; secret: string } | null>(null);
  const repositories = useQuery({
    ...queries.repositories(chosenTeam ?? ''),
    enabled: chosenTeam !== null,
    refetchInterval: 3000,
  });
  // Until then it is not known which of the steps are done.
  const reading = teams.isPending || (chosenTeam !== null && repositories.isPending);
  const board = useQuery({ ...queries.board(), refetchInterval: 5000 });
  useLive('board', ['board'], ['repositories']);
  const [chosen, setChosen] = useState<string | null>(null);
  const known = repositories.data ?? [];
  const repository = another
    ? undefined
    : (known.find(({ id }) => id === (chosen ?? connected?.repository.id)) ?? connected?.repository ?? known.at(-1));
  const mayRegister = useMay(repository?.team ?? '', 'developer');
  const services = board.data?.services ?? [];
  const [registered, setRegistered] = useState<string | null>(null);
  const service =
    services.find(({ slug }) => slug === registered) ??
    services.find(({ slug }) => repository?.services.includes(slug) === true);
  const delivered = isPresent(repository?.lastDelivery);
  const stateOf = (done: boolean, ready: boolean): StepState => (done ? 'done' : ready ? 'now' : 'later');

  return (
    <>
      <h1 className="text-figure font-semibold tracking-[-0.018em]">
        {services.some(({ latest }) => latest !== null) ? 'Connect a repository' : 'Four steps to the first run'}
      </h1>
      <p className="mt-1 mb-6 text-text-2">You can leave this page; coming back goes on from here.</p>
      <ol className="flex flex-col gap-3">
        <Step number={1} title="Connect a repository" state={stateOf(repository !== undefined, true)}>
          {reading ? (
            <SkeletonRows rows={1} height={40} />
          ) : repository === undefined && !mayConnect ? (
            <p className="text-text-2">An admin of your team connects its repositories.</p>
          ) : repository === undefined ? (
            <ConnectRepository
              teams={connectable}
              mayMakeTeam={system}
              team={connectable.some(({ slug }) => slug === chosenTeam) ? chosenTeam : null}
              onTeam={setTeam}
              onConnected={(made) => {
                setConnected({ repository: made.repository, secret: made.hookSecret });
                setTeam(made.repository.team);
                setAnother(false);
                setChosen(made.repository.id);
                void repositories.refetch();
              }}
            />
          ) : (
            <div className="flex flex-wrap items-center gap-x-3 gap-y-1 text-text-2">
              {known.length > 1 ? (
                <Select
                  label="Repository"
                  className="select-field max-w-full"
                  value={repository.id}
                  onChange={(id) => {
                    setChosen(id);
                    setRegistered(null);
                  }}
                >
                  {known.map(({ id, url }) => (
                    <option key={id} value={id}>
                      {url}
                    </option>
                  ))}
                </Select>
              ) : (
                <code className="break-all">{repository.url}</code>
              )}
              {mayConnect && (
                <button
                  type="button"
                  className="link text-link underline"
                  onClick={() => {
                    setAnother(true);
                    setConnected(null);
                    setRegistered(null);
                  }}
                >
                  Connect another one
                </button>
              )}
            </div>
          )}
        </Step>
        <Step number={2} title="Register the service" state={stateOf(service !== undefined, repository !== undefined)}>
          {repository !== undefined &&
            (service === undefined && !mayRegister ? (
              <p className="text-text-2">Developers of {repository.team} register its services.</p>
            ) : service === undefined ? (
              <RegisterService
                repository={repository}
                onRegistered={(slug) => {
                  setRegistered(slug);
                  void board.refetch();
                }}
              />
            ) : (
              <p className="text-text-2">
                <Link to="/services/$service" params={{ service: service.slug }} className="link">
                  {service.slug}
                </Link>{' '}
                of team {service.team}
              </p>
            ))}
        </Step>
        <Step
          number={3}
          title="Tell the git host about the hook"
          state={stateOf(delivered, repository !== undefined && service !== undefined)}
        >
          {repository !== undefined && service !== undefined && (
            <>
              <HookSettings
                key={repository.id}
                repository={repository}
                secret={connected?.repository.id === repository.id ? connected.secret : null}
              />
              <FirstDelivery repository={repository} />
            </>
          )}
        </Step>
        <Step
          number={4}
          title="First run"
          state={stateOf(
            isPresent(service?.latest) && service.latest.finishedAt !== null,
            isPresent(service?.latest) || delivered,
          )}
        >
          {(delivered || isPresent(service?.latest)) && (
            <FirstRun service={service} branch={repository?.defaultBranch ?? 'main'} />
          )}
        </Step>
      </ol>
      <p className="mt-6">
        <Link to="/board" className="link">
          Go to the board
        </Link>
      </p>
    </>
  );
}

function Step({
  number,
  title,
  state,
  children,
}: {
  number: number;
  title: string;
  state: StepState;
  children: ReactNode;
}) {
  const Icon = { done: CircleCheck, now: CircleDot, later: Circle }[state];
  const tone = { done: 'text-passed', now: 'text-running', later: 'text-text-3' }[state];
  return (
    <li className="card px-5 py-4" aria-current={state === 'now' ? 'step' : undefined}>
      <h2 className={`flex items-center gap-2.5 text-section font-semibold ${state === 'later' ? 'text-text-2' : ''}`}>
        <Icon
          size={17}
          className={tone}
          role="img"
          aria-label={{ done: 'done', now: 'to do now', later: 'later' }[state]}
        />
        {number}. {title}
      </h2>
      <div className="mt-2 pl-[27px] empty:hidden">{children}</div>
    </li>
  );
}
