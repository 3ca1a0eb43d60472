// Asks a freshly built server the questions a newcomer would, over HTTP and nothing else. Exit code 1 names the first wrong answer.
const url = process.env.URL ?? 'http://localhost:4000';

const checks = [
  ['is ready', '/readyz', (status, body) => status === 200 && JSON.parse(body).ready === true],
  [
    'tells whether it needs its first admin',
    '/api/v1/setup',
    (status, body) => status === 200 && typeof JSON.parse(body).needed === 'boolean',
  ],
  [
    'refuses strangers',
    '/api/v1/board',
    (status, body) => status === 401 && JSON.parse(body).error.code === 'unauthorized',
  ],
  [
    'describes its API',
    '/api/openapi.json',
    (status, body) => status === 200 && JSON.parse(body).openapi.startsWith('3.1'),
  ],
  ['serves its pages', '/', (status, body) => status === 200 && body.includes('<title>Sluice</title>')],
];

for (const [what, path, isRight] of checks) {
  const response = await fetch(url + path);
  const body = await response.text();
  if (!isRight(response.status, body)) {
    process.stderr.write(
      `The server should show that it ${what}, but ${path} answered ${response.status}: ${body.slice(0, 300)}\n`,
    );
    process.exit(1);
  }
  process.stdout.write(`ok: ${what}\n`);
}
