import pg from 'pg';
import type { Stores } from './stores.ts';

/** Throws when a part of a log that PostgreSQL says was stored has not been written to the bucket. Other modes have no bucket. */
export async function requireSegmentsInBucket({ database, s3 }: Stores): Promise<void> {
  if (database === undefined || s3 === undefined) return;
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ blob_key: string }>('select blob_key from log_segments');
    const written = new Set(s3.served.filter((line) => line.startsWith('PUT ') && line.endsWith(' 200')));
    const missing = rows.filter(({ blob_key: key }) => !written.has(`PUT /${s3.bucket}/${key} 200`));
    if (missing.length > 0)
      throw new Error(
        `${missing.length} of ${rows.length} stored log segments were never written to S3, such as ${missing[0]?.blob_key}.`,
      );
    if (rows.length > 0) console.log(`e2e: ${rows.length} log segments lie in S3`);
  } finally {
    await client.end();
  }
}
