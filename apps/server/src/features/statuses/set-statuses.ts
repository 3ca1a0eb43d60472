import { createPrivateKey } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Config } from '../../platform/config/config.ts';
import { json } from '../../platform/db/database.ts';
import type { Row, StatusSettings } from '../../platform/db/schema.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { FORGES, type ForgeName } from '../../platform/forge/commit-statuses.port.ts';
import { apiUrlOf, isRepositoryPath, repositoryPathOf } from '../../platform/forge/status-place.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { invalid, notFound } from '../../platform/http/problem.ts';
import { resolvePublicAddresses } from '../../platform/http/public-address.ts';
import { Audit } from '../audit/index.ts';
import { checkApiUrl } from '../catalog/index.ts';
import { Sealer } from '../secrets/index.ts';
import { appKeyPlace, statusTokenPlace } from './status-target.ts';

/** What is left out follows from the repository; null as a whole = its commits are reported to nobody. */
export interface StatusesInput {
  readonly forge?: ForgeName | undefined;
  readonly apiUrl?: string | undefined;
  readonly repository?: string | undefined;
  readonly token?: string | undefined;
  readonly app?: AppInput | undefined;
}

interface AppInput {
  readonly id: string;
  readonly installationId?: number | undefined;
  readonly privateKey: string;
}

type Repository = Pick<Row<'repositories'>, 'id' | 'url' | 'kind' | 'credential_sealed'>;

/** Says where statuses of a repository's commits go, and with which token. Each call replaces the whole of it. */
@Injectable()
export class SetStatuses {
  readonly #config: Config;
  readonly #transactions: Transactions;
  readonly #sealer: Sealer;
  readonly #audit: Audit;
  constructor(config: Config, transactions: Transactions, sealer: Sealer, audit: Audit) {
    this.#config = config;
    this.#transactions = transactions;
    this.#sealer = sealer;
    this.#audit = audit;
  }

  async set(
    by: UserPrincipal,
    input: { team: string; repositoryId: string; statuses: StatusesInput | null },
  ): Promise<{ ok: true }> {
    const { teamId } = requireTeam(by, input.team, 'admin');
    return this.#transactions.run(async (unit) => {
      const repository = await unit.tx
        .selectFrom('repositories')
        .select(['id', 'url', 'kind', 'credential_sealed'])
        .where('id', '=', input.repositoryId)
        .where('team_id', '=', teamId)
        .forUpdate()
        .executeTakeFirst();
      if (!repository) throw notFound(`Repository ${input.repositoryId}`);
      const settings = input.statuses && (await this.#settings(repository, input.statuses));
      const token = input.statuses?.token;
      await unit.tx
        .updateTable('repositories')
        .set({
          statuses: settings && json(settings),
          statuses_token_sealed: this.#sealed(repository.id, input.statuses),
        })
        .where('id', '=', repository.id)
        .execute();
      // What was given up for a wrong token is worth another try with the right one.
      await sql`
        update commit_statuses set wanted_version = wanted_version + 1, due_at = now(), tries = 0, failing_since = null, given_up_at = null
        where repository_id = ${repository.id} and given_up_at > now() - interval '7 days'`.execute(unit.tx);
      await this.#audit.record(unit, {
        teamId,
        actor: actorOf(by),
        action: 'repository.statuses',
        subject: `repository:${repository.id}`,
        detail: settings === null ? { on: false } : { on: true, ...settings, ownToken: token !== undefined },
      });
      return { ok: true };
    });
  }

  #sealed(repositoryId: string, statuses: StatusesInput | null): string | null {
    if (statuses?.app) return this.#sealer.seal(statuses.app.privateKey, appKeyPlace(repositoryId));
    if (statuses?.token === undefined) return null;
    return this.#sealer.seal(statuses.token, statusTokenPlace(repositoryId));
  }

  async #settings(row: Repository, input: StatusesInput): Promise<StatusSettings> {
    const forge = input.forge ?? FORGES.find((name) => name === row.kind);
    if (forge === undefined)
      throw invalid(
        `forge: write ${FORGES.join(', ')}; the kind ${row.kind} of the repository does not say which forge it is.`,
        'forge-unknown',
      );
    const path = input.repository ?? repositoryPathOf(row.url);
    if (!isRepositoryPath(forge, path))
      throw invalid(
        `repository: "${path.slice(0, 100)}" is no repository of ${forge}; write owner/name.`,
        'repository-path',
      );
    const address = input.apiUrl ?? apiUrlOf(forge, row.url);
    if (address === undefined)
      throw invalid(
        `apiUrl: it does not follow from the address of the repository; Bitbucket Cloud is https://api.bitbucket.org/2.0.`,
        'api-url',
      );
    const checked = checkApiUrl(address, this.#config.gitAllowOrigins);
    if (!checked.ok) throw invalid(`apiUrl: ${checked.message}`, 'api-url');
    if (!checked.allowed) await resolvePublicAddresses(checked.host);
    const settings = {
      forge,
      apiUrl: input.apiUrl === undefined ? null : checked.url,
      repository: input.repository ?? null,
    };
    if (input.app === undefined) {
      requireToken(row, input);
      return settings;
    }
    requireApp(forge, input.app, input.token);
    return { ...settings, app: { id: input.app.id, installationId: input.app.installationId ?? null } };
  }
}

function requireApp(forge: ForgeName, { privateKey }: AppInput, token: string | undefined): void {
  if (forge !== 'github')
    throw invalid(`app: checks are GitHub's; ${forge} is told by commit statuses, with a token.`, 'app-forge');
  if (token !== undefined)
    throw invalid('app: give either an App, for checks, or a token, for commit statuses.', 'app-or-token');
  const problem = rsaKeyProblem(privateKey);
  if (problem !== undefined)
    throw invalid(
      `app.privateKey: ${problem} Paste the whole .pem file that GitHub gave for the App, from BEGIN to END.`,
      'app-key',
    );
}

function rsaKeyProblem(pem: string): string | undefined {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== 'rsa') return `it is a key of the kind ${key.asymmetricKeyType}, not RSA.`;
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    return bits < 2_048 ? `it has ${bits} bits; GitHub's keys have 2048.` : undefined;
  } catch {
    // What went wrong inside may quote the key.
    return 'it cannot be read as a private key.';
  }
}

function requireToken(row: Repository, { token, apiUrl }: StatusesInput): void {
  if (token !== undefined) {
    // oxlint-disable-next-line no-control-regex -- a header cannot hold anything else
    if (!/^[\u0021-\u007e]+$/.test(token))
      throw invalid('token: it may hold letters, digits and signs of ASCII only, without spaces.', 'token');
    return;
  }
  if (apiUrl !== undefined)
    throw invalid(
      "token: an apiUrl of its own needs a token of its own; the repository's credential goes to its own host alone.",
      'token-needed',
    );
  if (row.credential_sealed === null)
    throw invalid('token: the repository has no credential that could be used; give a token.', 'token-needed');
}
