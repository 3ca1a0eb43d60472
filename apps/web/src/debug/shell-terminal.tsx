import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef, useState } from 'react';
import { problemSentence } from '../api/problem.ts';
import { openStyled } from './open-styled.ts';
import { ShellConnection } from './shell-connection.ts';

/** A terminal on one shell, as wide as the page lets it be; leaving it closes the shell. `onOver`: the shell has ended by itself. */
export function ShellTerminal(props: { shellId: string; onOver: () => void; onClose: () => void }) {
  const { shellId, onOver, onClose } = props;
  const place = useRef<HTMLDivElement>(null);
  const [word, setWord] = useState<string | null>(null);
  const [over, setOver] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    setOver(false);
    const terminal = new Terminal({
      ...fitting(element),
      fontFamily: FONT,
      fontSize: FONT_SIZE,
      screenReaderMode: true,
    });
    openStyled(terminal, element);
    const connection = new ShellConnection(shellId, {
      said: (bytes) => {
        setWord(null);
        terminal.write(bytes);
      },
      closed: (why) => {
        setWord(`Closed: ${why}`);
        setOver(true);
        onOver();
      },
      trouble: (error) => setWord(problemSentence(error, 'reach the shell')),
    });
    const typing = terminal.onData((text) => connection.type(text));
    // Also the first time: it was opened with a size that nobody had measured.
    const fit = new ResizeObserver(() => {
      const { cols, rows } = fitting(element);
      if (cols !== terminal.cols) terminal.resize(cols, rows);
      connection.resize(cols, rows);
    });
    fit.observe(element);
    terminal.focus();
    return () => {
      fit.disconnect();
      typing.dispose();
      connection.end();
      terminal.dispose();
    };
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- another callback is no other shell
  }, [shellId]);
  return (
    <div className="mt-3">
      <div className="rounded-control bg-[#000] p-2">
        <div ref={place} className="overflow-x-auto" />
      </div>
      <div className="mt-2 flex items-center gap-3">
        <p className="min-w-0 flex-1 text-text-2" role="status">
          {word ?? 'Secrets of the job are masked, as in its log.'}
        </p>
        <button type="button" className="btn" onClick={onClose}>
          {over ? 'Close' : 'Close the shell'}
        </button>
      </div>
    </div>
  );
}

const FONT = 'JetBrains Mono Variable, monospace';
const FONT_SIZE = 13;
const ROWS = 28;
const [LEAST_COLUMNS, MOST_COLUMNS] = [20, 200];
/** Beside the text the terminal keeps room for its bar. */
const BAR_PX = 16;

/** How many letters stand side by side in this place. */
function fitting(place: HTMLElement): { cols: number; rows: number } {
  const pen = document.createElement('canvas').getContext('2d');
  if (pen === null) return { cols: 80, rows: ROWS };
  pen.font = `${FONT_SIZE}px ${FONT}`;
  const columns = Math.floor((place.clientWidth - BAR_PX) / pen.measureText('W').width);
  return { cols: Math.min(MOST_COLUMNS, Math.max(LEAST_COLUMNS, columns)), rows: ROWS };
}
