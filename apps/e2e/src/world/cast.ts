import { addPerson, openSession, type Installation, type Person, type PersonSpec } from '@sluice/testing';

export const TEAM = { slug: 'shop', title: 'Shop' } as const;
export const OTHER_TEAM = { slug: 'bank', title: 'Bank' } as const;

/** The people of the team, by the login they also have at the git host. */
export const PEOPLE: readonly PersonSpec[] = [
  { login: 'dana', name: 'Dana Okafor', role: 'developer' },
  { login: 'drew', name: 'Drew Park', role: 'developer' },
  { login: 'rita', name: 'Rita Lindqvist', role: 'release-manager' },
  { login: 'ruben', name: 'Ruben Costa', role: 'release-manager' },
  { login: 'vera', name: 'Vera Novak', role: 'viewer' },
];

/** Of another team, and with the highest role there. */
const OTHER_PEOPLE: readonly PersonSpec[] = [{ login: 'olga', name: 'Olga Ferrari', role: 'admin' }];

/** May push at the git host and is linked to nobody here. */
export const STRANGER = { login: 'eve', name: 'Eve Stranger', email: 'eve@elsewhere.example' };

/** Who is known at the git host, with a password each. */
export function gitUsers(password: string): Record<string, string> {
  return Object.fromEntries([...PEOPLE.map(({ login }) => login), STRANGER.login].map((login) => [login, password]));
}

/** The first team's viewer may look at this one's runs too, and the installation's admin connects its repositories. */
export async function addOtherTeam(url: string, installation: Installation): Promise<Record<string, Person>> {
  // People are added by a person who signed in, never by an API token.
  const { email, password } = installation.admin;
  const { api: admin } = await openSession(url, '/session', { email, password });
  await admin.catalog.createTeam(OTHER_TEAM);
  const also = [
    { userId: installation.admin.userId, role: 'admin' },
    { userId: installation.people['vera']!.userId, role: 'viewer' },
  ] as const;
  for (const one of also) await admin.identity.setMembership({ team: OTHER_TEAM.slug, ...one });
  const people: Record<string, Person> = {};
  for (const spec of OTHER_PEOPLE) people[spec.login] = await addPerson(url, admin, OTHER_TEAM.slug, spec);
  return people;
}
