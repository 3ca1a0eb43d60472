import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { resolvePublicAddresses, type Lookup } from '../http/public-address.ts';

export interface ForgeAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The first part, as far as the asker reads. */
  readonly text: string;
}

export interface ForgeRequest {
  readonly method: 'GET' | 'POST' | 'PATCH';
  readonly address: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** So much of the answer is read; the default is enough to say what went wrong. */
  readonly longestAnswer?: number;
}

export interface ForgeHttpOptions {
  /** Exact origins that may be anywhere, and http; all others are https on the public internet (A22). */
  readonly allowedOrigins: readonly string[];
  readonly deadlineMs?: number;
  readonly lookup?: Lookup;
}

const READ_LENGTH = 16_384;

/**
 * Speaks JSON with a forge. The host is resolved once and the connection made to exactly those addresses, so a name that changes
 * its mind in between leads nowhere (A23); redirects are answers like any other and are not followed (A24).
 */
export class ForgeHttp {
  readonly #allowedOrigins: readonly string[];
  readonly #deadlineMs: number;
  readonly #lookup: Lookup | undefined;
  constructor({ allowedOrigins, deadlineMs = 10_000, lookup }: ForgeHttpOptions) {
    this.#allowedOrigins = allowedOrigins;
    this.#deadlineMs = deadlineMs;
    this.#lookup = lookup;
  }

  post(address: string, headers: Readonly<Record<string, string>>, body: unknown): Promise<ForgeAnswer> {
    return this.ask({ method: 'POST', address, headers, body });
  }

  /** Throws when there is no answer within the deadline. */
  async ask({ method, address, headers, body, longestAnswer = READ_LENGTH }: ForgeRequest): Promise<ForgeAnswer> {
    const url = new URL(address);
    const allowed = this.#allowedOrigins.includes(url.origin);
    if (!allowed && url.protocol !== 'https:') throw new Error('the address of the API must begin with https://');
    const lookup = allowed ? undefined : pinned(await resolvePublicAddresses(url.hostname, this.#lookup));
    const content = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const request = send(url, {
        method,
        // A connection of its own: one that is kept could be older than the look at the addresses.
        agent: false,
        signal: AbortSignal.timeout(this.#deadlineMs),
        headers: {
          'user-agent': 'Sluice',
          accept: 'application/json',
          ...(content !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(content),
          }),
          ...headers,
        },
        ...(lookup && { lookup }),
      });
      request.on('error', reject);
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => {
          text += part;
          if (text.length > longestAnswer) response.destroy();
        });
        response.on('error', reject);
        response.on('close', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      });
      request.end(content);
    });
  }
}

function pinned(addresses: readonly string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return (_host, options, callback) => {
    if (options.all) callback(null, all);
    else callback(null, all[0]!.address, all[0]!.family);
  };
}
