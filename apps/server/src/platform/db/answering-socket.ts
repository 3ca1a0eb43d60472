import { Socket } from 'node:net';

/**
 * The server ends every statement of ours after 15 s (`statement_timeout`) and every idle transaction after 20: longer silence means
 * that nobody is there any more, which a half-open connection says by nothing else (F19).
 */
export const LONGEST_SILENCE_MS = 20_000;

/** For `stream` of a client of PostgreSQL: a socket that breaks when its peer falls silent, so that who waits on it hears of it. */
export function answeringSocket(silenceMs = LONGEST_SILENCE_MS): Socket {
  const socket = new Socket();
  socket.setTimeout(silenceMs, () =>
    socket.destroy(
      Object.assign(new Error(`The database has said nothing for ${silenceMs / 1_000} seconds.`), {
        code: 'ETIMEDOUT',
      }),
    ),
  );
  return socket;
}
