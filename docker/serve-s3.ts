// node --conditions=@sluice/source docker/serve-s3.ts
//
// The S3-compatible server of the tests as a program: stands in for SeaweedFS in compose.spec.ts, with the bucket made.
import { startS3 } from '@sluice/testing';

const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
if (!accessKeyId || !secretAccessKey) throw new Error('Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.');

const s3 = await startS3({ port: 8333, address: '0.0.0.0', keys: { accessKeyId, secretAccessKey } });
let told = 0;
setInterval(() => {
  for (const line of s3.served.slice(told)) process.stdout.write(`${line}\n`);
  told = s3.served.length;
}, 200);
process.once('SIGTERM', () => {
  void s3.stop().then(() => process.exit());
});
