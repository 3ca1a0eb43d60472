import { randomBytes } from 'node:crypto';
import type { Role } from '@sluice/engine';
import { connectWithToken, openSession, type Api } from './api.ts';

export interface PersonSpec {
  readonly login: string;
  readonly name: string;
  readonly role: Role;
  /** Commit e-mail addresses beside the sign-in one. */
  readonly emails?: readonly string[];
}

export interface Person {
  readonly login: string;
  readonly name: string;
  readonly userId: string;
  readonly email: string;
  readonly password: string;
  readonly token: string;
}

export interface Installation {
  readonly team: string;
  readonly admin: Person;
  readonly people: Readonly<Record<string, Person>>;
}

/** Takes an empty installation through its first steps by the API: first admin, one team, people with roles and tokens. */
export async function setUpInstallation(
  url: string,
  setupToken: string,
  { team, people }: { team: { slug: string; title: string }; people: readonly PersonSpec[] },
): Promise<Installation> {
  const admin = { login: 'root', name: 'Ada Root', email: 'root@example.com', password: newPassword() };
  const session = await openSession(url, '/setup', {
    token: setupToken,
    email: admin.email,
    name: admin.name,
    password: admin.password,
  });
  await session.api.catalog.createTeam(team);
  await session.api.identity.setMembership({ team: team.slug, userId: session.userId, role: 'admin' });
  const added: Record<string, Person> = {};
  for (const spec of people) added[spec.login] = await addPerson(url, session.api, team.slug, spec);
  return {
    team: team.slug,
    admin: { ...admin, userId: session.userId, token: await newToken(session.api) },
    people: added,
  };
}

/** Adds a person with one role in one team, who then signs in and makes an API token. `admin` administers the installation. */
export async function addPerson(url: string, admin: Api, team: string, spec: PersonSpec): Promise<Person> {
  const email = `${spec.login}@example.com`;
  const password = newPassword();
  const user = await admin.identity.createUser({
    email,
    name: spec.name,
    password,
    memberships: [{ team, role: spec.role }],
    identities: [
      { kind: 'login', value: spec.login },
      ...(spec.emails ?? []).map((value) => ({ kind: 'email' as const, value })),
    ],
  });
  const signedIn = await openSession(url, '/session', { email, password });
  const token = await newToken(signedIn.api);
  return { login: spec.login, name: spec.name, userId: user.userId, email, password, token };
}

export function apiOf(url: string, person: Person): Api {
  return connectWithToken(url, person.token);
}

async function newToken(api: Api): Promise<string> {
  const { token } = await api.identity.createToken({ name: 'programs', scopes: ['read', 'write', 'gate:approve'] });
  return token;
}

function newPassword(): string {
  return randomBytes(15).toString('base64url');
}
