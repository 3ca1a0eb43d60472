import { Injectable } from '@nestjs/common';
import { CommitStatuses, type ForgeName, type StatusPlace } from '../../platform/forge/commit-statuses.port.ts';
import type { AppPlace } from '../../platform/forge/checks.port.ts';
import { apiUrlOf, repositoryPathOf } from '../../platform/forge/status-place.ts';
import type { Row } from '../../platform/db/schema.ts';
import { repositoryPlace } from '../catalog/index.ts';
import { Sealer } from '../secrets/index.ts';

/** The adapters that this control plane has, by the forge they speak to. */
export class StatusForges {
  readonly #byForge: ReadonlyMap<ForgeName, CommitStatuses>;
  constructor(adapters: readonly CommitStatuses[]) {
    this.#byForge = new Map(adapters.map((adapter) => [adapter.forge, adapter]));
  }

  get(forge: ForgeName): CommitStatuses {
    const adapter = this.#byForge.get(forge);
    if (!adapter) throw new Error(`no adapter for statuses at ${forge}`);
    return adapter;
  }
}

type RepositoryRow = Pick<
  Row<'repositories'>,
  'id' | 'url' | 'statuses' | 'statuses_token_sealed' | 'credential_sealed'
>;

/** Where and how a forge is told: by statuses with a token, or by checks of a GitHub App. */
export type StatusTarget =
  | { readonly kind: 'statuses'; readonly forge: ForgeName; readonly place: StatusPlace }
  | { readonly kind: 'checks'; readonly place: AppPlace };

/** Opens the token or key of a repository for the one purpose of telling its forge. */
@Injectable()
export class StatusTargets {
  readonly #sealer: Sealer;
  constructor(sealer: Sealer) {
    this.#sealer = sealer;
  }

  /** Undefined: the repository has nothing to tell, or nothing to sign in with. Throws UnsealError. */
  of(row: RepositoryRow): StatusTarget | undefined {
    if (row.statuses === null) return undefined;
    const { forge, apiUrl, app } = row.statuses;
    const address = apiUrl ?? apiUrlOf(forge, row.url);
    if (address === undefined) return undefined;
    const where = { apiUrl: address, repository: row.statuses.repository ?? repositoryPathOf(row.url) };
    if (app !== undefined) {
      if (row.statuses_token_sealed === null) return undefined;
      const privateKey = this.#sealer.open(row.statuses_token_sealed, appKeyPlace(row.id));
      return { kind: 'checks', place: { ...where, appId: app.id, installationId: app.installationId, privateKey } };
    }
    const login = this.#login(row, apiUrl !== null);
    return login && { kind: 'statuses', forge, place: { ...where, ...login } };
  }

  /** The credential of the repository is for its own host alone: an address that somebody wrote gets its own token or none. */
  #login(row: RepositoryRow, addressWritten: boolean): { username: string; token: string } | undefined {
    if (row.statuses_token_sealed !== null)
      return { username: '', token: this.#sealer.open(row.statuses_token_sealed, statusTokenPlace(row.id)) };
    if (row.credential_sealed === null || addressWritten) return undefined;
    const credential = JSON.parse(this.#sealer.open(row.credential_sealed, repositoryPlace(row.id))) as {
      username: string;
      password: string;
    };
    return { username: credential.username, token: credential.password };
  }
}

/** What a sealed token is bound to. */
export function statusTokenPlace(repositoryId: string): string {
  return `statuses:${repositoryId}`;
}

/** What the sealed private key of a GitHub App is bound to: it never opens as a token. */
export function appKeyPlace(repositoryId: string): string {
  return `statuses-app:${repositoryId}`;
}
