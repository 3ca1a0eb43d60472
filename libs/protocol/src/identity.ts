import { oc } from '@orpc/contract';
import { z } from 'zod';
import { id, instant, ok, role, slug } from './values.ts';

export const membership = z.object({ team: slug, title: z.string(), role });
export const me = z.object({
  userId: id,
  email: z.string(),
  name: z.string(),
  /** Administers the whole installation. */
  systemAdmin: z.boolean(),
  memberships: z.array(membership),
  /** Sent back as `X-Sluice-Csrf` on every write made with a session cookie. */
  csrfToken: z.string().nullable(),
});
const password = z.string().min(12, 'use at least 12 characters').max(128);
const email = z.email().max(254);
const identities = z
  .array(z.strictObject({ kind: z.enum(['login', 'email']), value: z.string().min(1).max(254) }))
  .max(50);

export const user = z.object({
  userId: id,
  email: z.string(),
  name: z.string(),
  systemAdmin: z.boolean(),
  /** May not sign in; sessions and tokens have ended. */
  disabled: z.boolean(),
  memberships: z.array(membership),
  /** Names by which forges and commits know this person, e.g. a login or an e-mail address. */
  identities: z.array(z.object({ kind: z.enum(['login', 'email']), value: z.string() })),
});

export const session = z.object({
  id,
  createdAt: instant,
  lastUsedAt: instant,
  /** Of the browser that signed in; null for sessions from before this was kept. */
  address: z.string().nullable(),
  agent: z.string().nullable(),
  /** The one that asks. */
  current: z.boolean(),
});

export const apiToken = z.object({
  id,
  name: z.string(),
  team: slug.nullable(),
  scopes: z.array(z.enum(['read', 'write', 'gate:approve'])),
  createdAt: instant,
  expiresAt: instant.nullable(),
  lastUsedAt: instant.nullable(),
});

export const identityContract = {
  setupState: oc
    .route({
      method: 'GET',
      path: '/setup',
      tags: ['identity'],
      summary: 'Does this installation still need its first admin?',
    })
    .output(z.object({ needed: z.boolean() })),
  setup: oc
    .route({
      method: 'POST',
      path: '/setup',
      tags: ['identity'],
      summary: 'Create the first admin with the one-time link',
    })
    .input(z.object({ token: z.string(), email, name: z.string().min(1).max(100), password }))
    .output(me),
  signIn: oc
    .route({ method: 'POST', path: '/session', tags: ['identity'], summary: 'Sign in' })
    .input(z.object({ email, password: z.string().max(128) }))
    .output(me),
  signOut: oc.route({ method: 'DELETE', path: '/session', tags: ['identity'], summary: 'Sign out' }).output(ok),
  me: oc.route({ method: 'GET', path: '/session', tags: ['identity'], summary: 'Who am I' }).output(me),
  listUsers: oc
    .route({ method: 'GET', path: '/users', tags: ['identity'], summary: 'People (system admins)' })
    .output(z.array(user)),
  createUser: oc
    .route({ method: 'POST', path: '/users', tags: ['identity'], summary: 'Add a person' })
    .input(
      z.object({
        email,
        name: z.string().min(1).max(100),
        password,
        memberships: z.array(z.strictObject({ team: slug, role })).default([]),
        identities: identities.default([]),
      }),
    )
    .output(user),
  setIdentities: oc
    .route({
      method: 'PUT',
      path: '/users/{userId}/identities',
      tags: ['identity'],
      summary:
        'Say by which logins and addresses forges and commits know a person; their own address stays (system admins)',
    })
    .input(z.object({ userId: id, identities }))
    .output(user),
  setMembership: oc
    .route({
      method: 'PUT',
      path: '/teams/{team}/members/{userId}',
      tags: ['identity'],
      summary: 'Set a role; null removes',
    })
    .input(z.object({ team: slug, userId: id, role: role.nullable() }))
    .output(ok),
  listTokens: oc
    .route({ method: 'GET', path: '/tokens', tags: ['identity'], summary: 'My API tokens' })
    .output(z.array(apiToken)),
  createToken: oc
    .route({ method: 'POST', path: '/tokens', tags: ['identity'], summary: 'Make an API token; shown once' })
    .input(
      z.object({
        name: z.string().min(1).max(100),
        team: slug.nullable().default(null),
        scopes: z.array(z.enum(['read', 'write', 'gate:approve'])).min(1),
        expiresInDays: z.number().int().min(1).max(365).nullable().default(90),
      }),
    )
    .output(z.object({ token: z.string(), info: apiToken })),
  revokeToken: oc
    .route({ method: 'DELETE', path: '/tokens/{tokenId}', tags: ['identity'], summary: 'Revoke an API token' })
    .input(z.object({ tokenId: id }))
    .output(ok),
  changePassword: oc
    .route({
      method: 'POST',
      path: '/me/password',
      tags: ['identity'],
      summary: 'Change my password; my other sessions end',
    })
    .input(z.object({ currentPassword: z.string().max(128), newPassword: password }))
    .output(ok),
  listSessions: oc
    .route({ method: 'GET', path: '/me/sessions', tags: ['identity'], summary: 'Where I am signed in' })
    .output(z.array(session)),
  endSession: oc
    .route({
      method: 'DELETE',
      path: '/me/sessions/{sessionId}',
      tags: ['identity'],
      summary: 'End one of my sessions',
    })
    .input(z.object({ sessionId: id }))
    .output(ok),
  endOtherSessions: oc
    .route({ method: 'DELETE', path: '/me/sessions', tags: ['identity'], summary: 'End all my sessions but this one' })
    .output(z.object({ ended: z.number().int() })),
  setDisabled: oc
    .route({
      method: 'PUT',
      path: '/users/{userId}/disabled',
      tags: ['identity'],
      summary: 'Disable a person, which ends sessions and tokens at once, or enable them again (system admins)',
    })
    .input(z.object({ userId: id, disabled: z.boolean() }))
    .output(
      z.object({
        user,
        /** Approvals of this person at gates that are still closed: they count no more; somebody else must give them. */
        openApprovals: z.number().int(),
      }),
    ),
  createResetLink: oc
    .route({
      method: 'POST',
      path: '/users/{userId}/reset-link',
      tags: ['identity'],
      summary: 'A one-time link to set a lost password; shown once (system admins)',
    })
    .input(z.object({ userId: id }))
    .output(
      z.object({
        /** Below the public address. */
        path: z.string(),
        expiresAt: instant,
      }),
    ),
  resetPassword: oc
    .route({
      method: 'POST',
      path: '/password-reset',
      tags: ['identity'],
      summary: 'Set a new password with a one-time link; all sessions end',
    })
    .input(z.object({ token: z.string().max(200), newPassword: password }))
    .output(ok),
};
