import { randomBytes } from 'node:crypto';
import S3rver from '@20minutes/s3rver';
import accounts from '@20minutes/s3rver/lib/models/account.js';
import { freePort } from './free-port.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface S3Options {
  readonly port?: number;
  /** Made at the start. Default: one bucket `sluice`. */
  readonly buckets?: readonly string[];
  /** Where it listens. Default: loopback alone. */
  readonly address?: string;
  /** Its only keys. Default: new ones. */
  readonly keys?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** `refused` = answers 501, `ignored` = writes anyway: as older S3-compatible servers do. Default `known`, as Amazon's S3. */
  readonly conditionalWrites?: 'known' | 'refused' | 'ignored';
}

export interface S3Part {
  /** `http://127.0.0.1:9000` */
  readonly endpoint: string;
  readonly port: number;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** For `SLUICE_BLOB_URL`. */
  readonly blobUrl: string;
  /** What a server needs in its environment to use this store. */
  readonly env: Readonly<Record<'SLUICE_BLOB_URL' | 'AWS_ACCESS_KEY_ID' | 'AWS_SECRET_ACCESS_KEY', string>>;
  /** Requests served so far, as `PUT /bucket/key 200`. */
  readonly served: readonly string[];
  /** Stops answering; open connections are cut. Data stays. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** `down`, and removes the data. */
  stop(): Promise<void>;
}

/**
 * An S3-compatible server in this process with keys of its own: every request must carry a SigV4 signature (header or
 * signed address) made with them. For requests to objects; it miscounts the signature of `ListObjects` and `HeadBucket`, does not check
 * a body against its signed hash, and refuses streamed bodies with checksum trailers.
 */
export async function startS3({
  port: fixed,
  buckets = ['sluice'],
  address = '127.0.0.1',
  keys: { accessKeyId, secretAccessKey } = {
    accessKeyId: `TEST${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(20).toString('hex'),
  },
  conditionalWrites = 'known',
}: S3Options = {}): Promise<S3Part> {
  const port = fixed ?? (await freePort());
  const folder = temporaryFolder('s3');
  const served: string[] = [];
  let running: S3rver | undefined;

  const up = async () => {
    if (running !== undefined) return;
    const server = new S3rver({
      address,
      port,
      silent: true,
      directory: folder.path,
      vhostBuckets: false,
      configureBuckets: buckets.map((name) => ({ name })),
    });
    const writing = new Map<string, Promise<void>>();
    server.middleware.unshift(
      async (context, next) => {
        try {
          await next();
          served.push(`${context.method} ${context.path} ${context.status}`);
        } catch (error) {
          served.push(`${context.method} ${context.path} ${(error as { status?: number }).status ?? 500}`);
          throw error;
        }
      },
      async (context, next) => {
        // The package serves requests without any signature as well.
        if (context.get('authorization') === '' && !('X-Amz-Signature' in context.query))
          return refuse(context, 403, 'AccessDenied');
        // It does not know conditional writes either, and shows objects that are half written.
        const { method, path } = context;
        if (method !== 'PUT') {
          await writing.get(path);
          return next();
        }
        if (context.get('if-none-match') === '*') {
          if (conditionalWrites === 'refused') return refuse(context, 501, 'NotImplemented');
          if (conditionalWrites === 'known') {
            if (writing.has(path)) return refuse(context, 409, 'ConditionalRequestConflict');
            const [, bucket = '', ...key] = path.split('/');
            const taken = server.store.existsObject(bucket, decodeURIComponent(key.join('/')));
            return await holdWhile(writing, path, async () =>
              (await taken) ? refuse(context, 412, 'PreconditionFailed') : next(),
            );
          }
        }
        while (writing.has(path)) await writing.get(path);
        return holdWhile(writing, path, next);
      },
    );
    accounts.DUMMY_ACCOUNT.createKeyPair(accessKeyId, secretAccessKey);
    await server.run();
    running = server;
  };
  const down = async () => {
    const server = running;
    if (server === undefined) return;
    running = undefined;
    accounts.DUMMY_ACCOUNT.revokeAccessKey(accessKeyId);
    await new Promise<void>((resolve) => {
      server.httpServer.close(() => resolve());
      server.httpServer.closeAllConnections();
    });
  };

  await up();
  const endpoint = `http://127.0.0.1:${port}`;
  const [bucket = 'sluice'] = buckets;
  const blobUrl = `s3://${bucket}?endpoint=${endpoint}`;
  return {
    endpoint,
    port,
    bucket,
    accessKeyId,
    secretAccessKey,
    blobUrl,
    env: { SLUICE_BLOB_URL: blobUrl, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    served,
    down,
    up,
    stop: async () => {
      await down();
      folder.remove();
    },
  };
}

async function holdWhile(held: Map<string, Promise<void>>, name: string, work: () => Promise<void>): Promise<void> {
  const done = work();
  held.set(
    name,
    done.catch(() => undefined),
  );
  try {
    await done;
  } finally {
    held.delete(name);
  }
}

function refuse(context: S3rver.S3rverContext, status: number, code: string): void {
  context.status = status;
  context.type = 'application/xml';
  context.body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>Refused.</Message></Error>`;
}
