/** The three example services and the loopback ports of their containers. */
export interface DemoService {
  readonly name: string;
  readonly language: string;
  readonly ports: { readonly staging: number; readonly production: number };
}

export const DEMO_SERVICES: readonly DemoService[] = [
  { name: 'catalog', language: 'JavaScript', ports: { staging: 8101, production: 8201 } },
  { name: 'account', language: 'Python', ports: { staging: 8102, production: 8202 } },
  { name: 'recommendation', language: 'TypeScript', ports: { staging: 8103, production: 8203 } },
];

export const TEAM = { slug: 'shop', title: 'Shop' };
export const DEVELOPER = 'dana';
export const RELEASE_MANAGER = 'rita';
/** Second person of the team, so that the gate's rule has somebody to refuse. */
export const PEOPLE = [
  { login: DEVELOPER, name: 'Dana Okafor', role: 'developer', emails: ['dana@shop.example'] },
  { login: RELEASE_MANAGER, name: 'Rita Lindqvist', role: 'release-manager' },
] as const;
