import { connect } from 'node:net';

const ANSWER_MS = 10_000;

/** One command to a Redis on loopback, whose answer must be OK. */
export async function askRedis(port: number, command: string): Promise<void> {
  const said = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error(`Redis did not answer ${command} in time.`)));
    socket.once('error', reject);
    socket.once('data', (data) => {
      socket.end();
      resolve(data.toString());
    });
  });
  if (!said.startsWith('+OK')) throw new Error(`Redis answered ${command} with ${said}`);
}
