import type { OutputSink } from '../steps/step-output.ts';

const HEAD_BYTES = 8;

/**
 * Copies the engine's multiplexed output: each frame is one byte for the stream, three of padding, four for the length, then the bytes.
 * Waits for the sink when it is behind. The engine does not keep the order between the two outputs.
 */
export async function copyOutput(stream: AsyncIterable<Uint8Array>, sink: OutputSink): Promise<void> {
  let head = Buffer.alloc(0);
  let left = 0;
  let output: 'stdout' | 'stderr' = 'stdout';
  for await (const chunk of stream) {
    let at = 0;
    while (at < chunk.length) {
      if (left === 0) {
        const take = Math.min(HEAD_BYTES - head.length, chunk.length - at);
        head = Buffer.concat([head, chunk.subarray(at, at + take)]);
        at += take;
        if (head.length < HEAD_BYTES) break;
        output = head[0] === 2 ? 'stderr' : 'stdout';
        left = head.readUInt32BE(4);
        head = Buffer.alloc(0);
        continue;
      }
      const part = chunk.subarray(at, at + left);
      at += part.length;
      left -= part.length;
      await sink.write(output, part);
      if (sink.isOver === true) return;
    }
  }
}
