import { describe, expect, it } from 'vitest';
import { engineAddress } from './engine-address.ts';

const KEY = '-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----';

describe('engineAddress', () => {
  it('takes a socket as it is written', () => {
    expect(engineAddress('unix:///run/user/1000/docker.sock', undefined, undefined)).toEqual({
      kind: 'unix',
      path: '/run/user/1000/docker.sock',
    });
  });

  it('takes an ssh key and the pinned host keys from one secret', () => {
    const secret = `${KEY}\nhost.example.com ssh-ed25519 AAAAC3Nz\n# other\nhost.example.com ecdsa-sha2-nistp256 AAAAE2Vj=\n`;
    expect(engineAddress('ssh://deploy@host.example.com:2222', 'ENGINE', secret)).toEqual({
      kind: 'ssh',
      host: 'host.example.com',
      port: 2222,
      user: 'deploy',
      privateKey: `${KEY}\n`,
      hostKeys: ['AAAAC3Nz', 'AAAAE2Vj='],
    });
  });

  it.each([
    ['unix://docker.sock', undefined, undefined, /no absolute path; write unix:\/\/\//],
    ['ssh://host.example.com', 'ENGINE', KEY, /names no user/],
    ['ssh://deploy@host', 'ENGINE', KEY, /secret ENGINE must hold a private key.*known_hosts/],
    ['ssh://deploy@host', 'ENGINE', undefined, /secret ENGINE \(target.credential\) has no value here/],
    [
      'ssh://deploy@host',
      undefined,
      undefined,
      /store it as a secret of the environment and name that in target.credential/,
    ],
    ['tcp://host:2376', undefined, undefined, /needs a client certificate/],
    ['tcp://host:2376', 'ENGINE', 'no pem', /secret ENGINE must hold PEM texts/],
    ['http://host:2375', undefined, undefined, /is not unix:\/\/, ssh:\/\/ or tcp:\/\//],
  ])('refuses %s with one sentence that names the remedy', (engine, name, value, message) => {
    expect(() => engineAddress(engine, name, value)).toThrow(message);
  });
});
