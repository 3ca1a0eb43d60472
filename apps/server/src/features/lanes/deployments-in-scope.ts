import type { Db } from '../../platform/db/database.ts';
import { visibleTeams, type UserPrincipal } from '../../platform/http/principal.ts';
import { orNone } from '../runs/index.ts';

/** Deployments of the person's teams, each with the names of what it concerns and its lane's state. */
export function deploymentsInScope(db: Db, person: UserPrincipal) {
  return db
    .selectFrom('deployments')
    .innerJoin('releases', 'releases.id', 'deployments.release_id')
    .innerJoin('services', 'services.id', 'deployments.service_id')
    .innerJoin('teams', 'teams.id', 'deployments.team_id')
    .innerJoin('environments', 'environments.id', 'deployments.environment_id')
    .innerJoin('lanes', 'lanes.id', 'deployments.lane_id')
    .selectAll('deployments')
    .select([
      'services.slug as service_slug',
      'teams.slug as team_slug',
      'environments.name as environment_name',
      'lanes.state as lane_state',
    ])
    .where('deployments.team_id', 'in', orNone(visibleTeams(person)));
}
