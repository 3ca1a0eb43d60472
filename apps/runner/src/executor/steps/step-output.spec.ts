import { expect, test } from 'vitest';
import { StepOutput } from './step-output.ts';

function read(text: string, chunkBytes: number): { log: string; output: StepOutput } {
  let log = '';
  const output = new StepOutput(
    { write: (_stream, chunk) => void (log += Buffer.from(chunk).toString('latin1')) },
    '/.step-0',
  );
  const bytes = Buffer.from(text, 'latin1');
  for (let at = 0; at < bytes.length; at += chunkBytes)
    void output.write('stdout', bytes.subarray(at, at + chunkBytes));
  output.end();
  return { log, output };
}

test.each([1, 2, 3, 7, 11, 1000])(
  'the mark is found and left out in pieces of %i bytes, and nothing behind it counts',
  (size) => {
    const { log, output } = read('one\n/.step-0 ends\n/.step-0 ended x\n//.step-0 ended 143\nlate daemon\n', size);
    expect(log).toBe('one\n/.step-0 ends\n/.step-0 ended x\n/');
    expect(output.exitCode).toBe(143);
  },
);

test.each([1, 5, 1000])(
  'without a mark every byte is output, also the beginning of a mark at the end (pieces of %i)',
  (size) => {
    const text = 'no newline /.step-0 ended 1';
    const { log, output } = read(text, size);
    expect(log).toBe(text);
    expect(output.isOver).toBe(false);
  },
);

test.each([1, 4, 1000])('a step that had begun before says so and prints nothing (pieces of %i)', (size) => {
  const { log, output } = read('/.step-0 taken\n', size);
  expect(log).toBe('');
  expect(output).toMatchObject({ isTaken: true, exitCode: undefined });
});
