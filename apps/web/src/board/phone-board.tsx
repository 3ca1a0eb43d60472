import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { BoardService } from '../api/shapes.ts';
import { Age } from '../ui/age.tsx';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { firstLine, plural } from '../ui/wording.ts';
import { statesOf } from './board-rows.ts';
import { EnvCell } from './env-cell.tsx';
import { newestLive } from './lane-look.ts';
import { NoRunYet } from './no-run-yet.tsx';
import { StageChannel } from './stage-channel.tsx';

/** What needs somebody first; the rest behind one button. */
export function PhoneBoard({
  services,
  environments,
  mine,
  all,
}: {
  services: readonly BoardService[];
  environments: readonly string[];
  mine: ReadonlySet<string>;
  all: boolean;
}) {
  const [more, setMore] = useState(false);
  const urgent = services.filter((service) => all || statesOf(service).size > 0);
  const rest = services.filter((service) => !urgent.includes(service));
  const shown = more ? [...urgent, ...rest] : urgent;
  return (
    <div className="flex flex-col gap-2.5">
      <ul className="flex flex-col gap-2.5">
        {shown.map((service) => (
          <li key={service.slug} className="card rounded-phone! px-3 py-2.5">
            <div className="flex items-baseline gap-2">
              <Link
                to="/services/$service"
                params={{ service: service.slug }}
                className="min-w-0 truncate py-1 text-[16px] font-semibold"
              >
                {service.slug}
              </Link>
              {service.latest !== null && (
                <span className="ml-auto text-[13px] text-text-3 whitespace-nowrap">
                  <Age at={service.latest.createdAt} />
                </span>
              )}
            </div>
            {service.latest === null ? (
              <p className="text-text-3">
                <NoRunYet service={service} />
              </p>
            ) : (
              <>
                <Link
                  to="/services/$service/runs/$number"
                  params={{ service: service.slug, number: String(service.latest.number) }}
                  dir="auto"
                  className="block truncate pb-2 text-[14px] text-text-2"
                >
                  <UntrustedText text={firstLine(service.latest.message)} />
                </Link>
                <StageChannel run={service.latest} lanes={service.lanes} mine={mine} />
              </>
            )}
            {environments.slice(-1).map((environment) => (
              <div key={environment} className="mt-2 flex items-center gap-1 text-[13px]">
                <span className="text-text-3">{environment}</span>
                <EnvCell
                  lane={service.lanes.find((lane) => lane.environment === environment)}
                  newest={newestLive(service.lanes)}
                />
              </div>
            ))}
          </li>
        ))}
      </ul>
      {urgent.length === 0 && <p className="py-3 text-center text-text-2">Nothing needs anybody.</p>}
      {rest.length > 0 && (
        <button type="button" className="btn" aria-expanded={more} onClick={() => setMore(!more)}>
          {more ? 'Only what needs somebody' : `${plural(rest.length, 'more service', 'more services')}`}
        </button>
      )}
    </div>
  );
}
