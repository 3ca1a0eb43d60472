/** The parts of the package that we use; it has no types of its own. */
declare module '@20minutes/s3rver' {
  import type { Server } from 'node:http';

  interface S3rverContext {
    readonly method: string;
    readonly path: string;
    readonly query: Readonly<Record<string, unknown>>;
    status: number;
    type: string;
    body: unknown;
    get(header: string): string;
  }
  class S3rver {
    constructor(options: {
      address: string;
      port: number;
      silent: boolean;
      directory: string;
      vhostBuckets: boolean;
      configureBuckets: readonly { readonly name: string }[];
    });
    readonly middleware: ((context: S3rverContext, next: () => Promise<void>) => Promise<void>)[];
    readonly store: { existsObject(bucket: string, key: string): Promise<boolean> };
    readonly httpServer: Server;
    run(): Promise<{ readonly port: number }>;
  }
  namespace S3rver {
    export type { S3rverContext };
  }
  export = S3rver;
}

declare module '@20minutes/s3rver/lib/models/account.js' {
  const account: {
    DUMMY_ACCOUNT: { createKeyPair(id: string, secret: string): void; revokeAccessKey(id: string): void };
  };
  export = account;
}
