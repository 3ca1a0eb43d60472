import { Injectable } from '@nestjs/common';
import type { RepositoryKind } from '@sluice/protocol';
import { Ids } from '../../platform/clock/clock.port.ts';
import { Config } from '../../platform/config/config.ts';
import { Transactions } from '../../platform/db/transactions.ts';
import { actorOf, requireTeam, type UserPrincipal } from '../../platform/http/principal.ts';
import { conflict, invalid } from '../../platform/http/problem.ts';
import { resolvePublicAddresses } from '../../platform/http/public-address.ts';
import { Audit } from '../audit/index.ts';
import { Sealer } from '../secrets/index.ts';
import { checkConnectableUrl } from './check-connectable-url.ts';
import { newHookSecret } from './hook-secret.ts';
import { hookPlace, repositoryPlace } from './open-repository.ts';

export interface ConnectRepositoryInput {
  readonly team: string;
  readonly url: string;
  readonly kind: RepositoryKind;
  readonly defaultBranch: string;
  readonly credential?: { readonly username: string; readonly password: string } | undefined;
}

/** Connects a repository and makes its hook; the hook secret is shown this once. */
@Injectable()
export class ConnectRepository {
  readonly #config: Config;
  readonly #transactions: Transactions;
  readonly #ids: Ids;
  readonly #sealer: Sealer;
  readonly #audit: Audit;
  constructor(config: Config, transactions: Transactions, ids: Ids, sealer: Sealer, audit: Audit) {
    this.#config = config;
    this.#transactions = transactions;
    this.#ids = ids;
    this.#sealer = sealer;
    this.#audit = audit;
  }

  async connect(by: UserPrincipal, input: ConnectRepositoryInput) {
    const { teamId } = requireTeam(by, input.team, 'admin');
    const checked = checkConnectableUrl(input.url, this.#config.gitAllowOrigins);
    if (!checked.ok) throw invalid(checked.message, 'repository-url');
    if (!checked.allowed) await resolvePublicAddresses(checked.host);
    const { credential, defaultBranch, kind } = input;
    if (!isBranchName(defaultBranch))
      throw invalid('defaultBranch: not a branch name git accepts; write one such as main.', 'branch-name');
    if (credential && /[\r\n\0]/.test(credential.username + credential.password)) {
      throw invalid('credential: user and password may not hold line breaks.', 'credential');
    }
    const id = this.#ids.next();
    const hookId = this.#ids.next();
    const hookSecret = newHookSecret();
    return this.#transactions.run(async (unit) => {
      const made = await unit.tx
        .insertInto('repositories')
        .values({
          id,
          team_id: teamId,
          url: checked.url,
          kind,
          default_branch: defaultBranch,
          credential_sealed: credential
            ? this.#sealer.seal(
                JSON.stringify({ username: credential.username, password: credential.password }),
                repositoryPlace(id),
              )
            : null,
        })
        .onConflict((clash) => clash.columns(['team_id', 'url']).doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!made) throw conflict('repository-connected', `Team ${input.team} has connected this repository already.`);
      await unit.tx
        .insertInto('hooks')
        .values({
          id: hookId,
          team_id: teamId,
          repository_id: id,
          secret_sealed: this.#sealer.seal(hookSecret, hookPlace(hookId)),
        })
        .execute();
      await this.#audit.record(unit, {
        teamId,
        actor: actorOf(by),
        action: 'repository.connect',
        subject: `repository:${id}`,
        detail: { url: checked.url, kind, defaultBranch, withCredential: credential !== undefined },
      });
      const repository = {
        id,
        team: input.team,
        url: checked.url,
        kind,
        defaultBranch,
        hookPath: `/hooks/${hookId}`,
        services: [],
        lastDelivery: null,
      };
      return { repository, hookSecret };
    });
  }
}

/** The rules of `git check-ref-format` for a branch (A27). */
export function isBranchName(name: string): boolean {
  // eslint-disable-next-line no-control-regex
  if (name === '@' || /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^[-/]|[/.]$/.test(name)) return false;
  return name.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'));
}
