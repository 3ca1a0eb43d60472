import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef, useState } from 'react';
import { problemSentence } from '../api/problem.ts';
import { ShellConnection } from './shell-connection.ts';
import { styledDocument } from './styled-document.ts';

const COLUMNS = 100;
const ROWS = 28;

/** A terminal on one shell; leaving it closes the shell. */
export function ShellTerminal({ shellId, onClose }: { shellId: string; onClose: () => void }) {
  const place = useRef<HTMLDivElement>(null);
  const [word, setWord] = useState<string | null>(null);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const terminal = new Terminal({
      cols: COLUMNS,
      rows: ROWS,
      fontFamily: 'JetBrains Mono Variable, monospace',
      fontSize: 13,
      screenReaderMode: true,
      documentOverride: styledDocument(),
    });
    terminal.open(element);
    const connection = new ShellConnection(shellId, {
      said: (bytes) => {
        setWord(null);
        terminal.write(bytes);
      },
      closed: (why) => setWord(`Closed: ${why}`),
      trouble: (error) => setWord(problemSentence(error, 'reach the shell')),
    });
    const typing = terminal.onData((text) => connection.type(text));
    terminal.focus();
    return () => {
      typing.dispose();
      connection.end();
      terminal.dispose();
    };
  }, [shellId]);
  return (
    <div className="mt-3">
      <div ref={place} className="overflow-x-auto" />
      <div className="mt-2 flex items-center gap-3">
        <p className="min-w-0 flex-1 text-text-2" role="status">
          {word ?? 'Secrets of the job are masked, as in its log.'}
        </p>
        <button type="button" className="btn" onClick={onClose}>
          Close the shell
        </button>
      </div>
    </div>
  );
}
