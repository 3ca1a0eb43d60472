import { Agent } from 'node:http';
import type { Duplex } from 'node:stream';
import { Client, type ClientChannel } from 'ssh2';
import type { EngineAddress } from './engine-address.ts';

type SshAddress = Extract<EngineAddress, { kind: 'ssh' }>;

/**
 * Carries each HTTP connection to an engine through a channel of one ssh connection (`docker system dial-stdio`). The
 * client library's own ssh transport throws outside of any promise when a channel is refused; this one answers.
 */
export class SshAgent extends Agent {
  readonly #address: SshAddress;
  #client: Promise<Client> | undefined;
  constructor(address: SshAddress) {
    super({ keepAlive: false });
    this.#address = address;
  }

  override createConnection(_options: object, done?: (error: Error | null, stream: Duplex) => void): undefined {
    void this.#open(done);
  }

  override destroy(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.then((open) => open.end()).catch(() => undefined);
    super.destroy();
  }

  async #open(done?: (error: Error | null, stream: Duplex) => void): Promise<void> {
    let channel: ClientChannel;
    try {
      channel = await this.#channel();
    } catch (error) {
      return done?.(error as Error, undefined as never);
    }
    done?.(null, channel);
  }

  async #channel(): Promise<ClientChannel> {
    this.#client ??= this.#connect();
    const client = await this.#client;
    return new Promise((resolve, reject) => {
      client.exec('docker system dial-stdio', (error, channel) => {
        if (error) return reject(error);
        // What the far command complains about would otherwise stand in the way of its output.
        channel.stderr.resume();
        resolve(likeSocket(channel));
      });
    });
  }

  #connect(): Promise<Client> {
    const { host, port, user, privateKey, hostKeys } = this.#address;
    const client = new Client();
    const forget = () => void (this.#client = undefined);
    return new Promise((resolve, reject) => {
      client
        .on('ready', () => resolve(client))
        .on('error', (error) => {
          forget();
          reject(error);
        })
        .on('close', () => {
          forget();
          reject(new Error(`the ssh connection to ${host} was closed`));
        })
        .connect({
          host,
          port,
          username: user,
          privateKey,
          hostVerifier: (key: Buffer) => hostKeys.includes(key.toString('base64')),
          readyTimeout: 15_000,
          keepaliveInterval: 10_000,
        });
    });
  }
}

/** What Node's HTTP client asks of a socket; silence is noticed by the keep-alive of the ssh connection instead. */
function likeSocket(channel: ClientChannel): ClientChannel {
  const itself = () => channel;
  return Object.assign(channel, {
    setTimeout: itself,
    setKeepAlive: itself,
    setNoDelay: itself,
    ref: itself,
    unref: itself,
  });
}
