import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import { errorAnswer, errorBodyOf } from './error-answer.ts';
import { Problem } from './problem.ts';
import { securityHeaders } from './security-headers.ts';

/**
 * Answers what never became a request (its header could not be read, was too large or took too long) in the shape of
 * every other error, and hangs up: what follows on the connection cannot be told apart any more.
 */
export function answerWithoutRequest(socket: Duplex, problem: Problem, headers: Record<string, string> = {}): void {
  const { _httpMessage: current } = socket as { _httpMessage?: ServerResponse };
  // The trouble is behind a request that is being answered: that answer first, or it would be taken for this one.
  if (current?.req.complete === true && !current.writableEnded) {
    current.once('close', () => socket.destroy());
    return;
  }
  // A second answer would be read as part of the one under way.
  if (!socket.writable || current?.headersSent === true) {
    socket.destroy();
    return;
  }
  const requestId = randomUUID();
  const body = JSON.stringify(errorBodyOf(errorAnswer(problem), requestId));
  const lines = Object.entries({
    ...securityHeaders(requestId, false),
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    date: new Date().toUTCString(),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}`);
  const { status } = problem;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('\r\n')}\r\n\r\n${body}`, () =>
    socket.destroy(),
  );
}

/** What the parser of HTTP had to say, in our words. */
export function problemOfParser(error: Error & { code?: string }): Problem {
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return new Problem(431, 'headers-too-large', 'The header of the request is larger than 16 KiB.');
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new Problem(408, 'timeout', 'The request took too long to arrive; send it again.');
  if (error.code === 'HPE_INVALID_METHOD')
    return new Problem(400, 'bad-request', 'The request line holds no method that HTTP knows.');
  if (error.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW')
    return new Problem(413, 'too-large', 'The chunk extensions of the body are too large; leave them out.');
  return new Problem(400, 'bad-request', 'This is no HTTP request that can be understood; check its first lines.');
}
