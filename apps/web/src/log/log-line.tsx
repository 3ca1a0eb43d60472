import { memo, type MouseEvent, type ReactNode } from 'react';
import { UntrustedText } from '../ui/untrusted-text.tsx';
import { size } from '../ui/wording.ts';
import { parseAnsiLine, safeLink, type AnsiState, type AnsiStyle, type LogPiece } from './ansi-line.ts';

export const CUT = 4096;
const ADDRESS = /https?:\/\/[^\s<>"'`\u0000-\u001f\u007f-\u009f]{1,2040}/g;

/** One line of a log as text nodes: colours by class, checked links, hits of the search. */
export const LogLine = memo(function LogLine(props: {
  number: number;
  text: string;
  state: AnsiState;
  selected: boolean;
  words: string;
  /** Which hit of this line is the current one; null when none is. */
  currentHit: number | null;
  whole: boolean;
  onWhole: (number: number) => void;
  onNumber: (number: number, extend: boolean) => void;
}) {
  const cut = !props.whole && props.text.length > CUT;
  // Cut after parsing, so that a sequence at the edge hides nothing; far more than is shown need not be parsed.
  const parsed = parseAnsiLine(cut ? props.text.slice(0, 64 * CUT) : props.text, props.state).pieces;
  const pieces = cut ? firstCharacters(parsed, CUT) : parsed;
  const choose = (event: MouseEvent): void => props.onNumber(props.number, event.shiftKey);
  return (
    <div className={props.selected ? 'log-line log-line-selected' : 'log-line'} data-line={props.number}>
      <button
        type="button"
        tabIndex={-1}
        className="log-number"
        onClick={choose}
        aria-label={`Line ${props.number}, link to it`}
      >
        {props.number}
      </button>
      <span className="log-text" dir="ltr">
        {marked(pieces, props.words, props.currentHit)}
        {cut && (
          <button type="button" tabIndex={-1} className="log-more" onClick={() => props.onWhole(props.number)}>
            show all {size(props.text.length)}
          </button>
        )}
      </span>
    </div>
  );
});

function firstCharacters(pieces: readonly LogPiece[], most: number): LogPiece[] {
  const kept: LogPiece[] = [];
  let left = most;
  for (const piece of pieces) {
    if (left <= 0) break;
    kept.push({ ...piece, text: piece.text.slice(0, left) });
    left -= piece.text.length;
  }
  return kept;
}

/** Cuts the pieces at the hits, so that a hit may cross colours. */
function marked(pieces: readonly LogPiece[], words: string, currentHit: number | null): ReactNode[] {
  const nodes: ReactNode[] = [];
  const plain =
    words === ''
      ? ''
      : pieces
          .map((piece) => piece.text)
          .join('')
          .toLowerCase();
  const starts: number[] = [];
  if (words !== '')
    for (let at = plain.indexOf(words); at !== -1; at = plain.indexOf(words, at + words.length)) starts.push(at);
  let offset = 0;
  pieces.forEach((piece, index) => {
    let from = 0;
    const out = (to: number, hit: number | null): void => {
      if (to > from)
        nodes.push(
          <Piece
            key={`${index}.${from}`}
            piece={piece}
            text={piece.text.slice(from, to)}
            hit={hit === null ? null : hit === currentHit ? 'now' : 'some'}
          />,
        );
      from = to;
    };
    starts.forEach((start, nth) => {
      const begin = Math.max(0, start - offset);
      const end = Math.min(piece.text.length, start + words.length - offset);
      if (end <= from || begin >= piece.text.length) return;
      out(begin, null);
      out(end, nth);
    });
    out(piece.text.length, null);
    offset += piece.text.length;
  });
  return nodes;
}

function Piece({ piece, text, hit }: { piece: LogPiece; text: string; hit: 'now' | 'some' | null }) {
  const className = [classOf(piece.style), hit === null ? '' : hit === 'now' ? 'log-hit log-hit-now' : 'log-hit']
    .join(' ')
    .trim();
  const content = piece.href === null ? withAddresses(text) : <OutLink href={piece.href} text={text} />;
  return className === '' ? <>{content}</> : <span className={className}>{content}</span>;
}

function withAddresses(text: string): ReactNode {
  if (!text.includes('://')) return <UntrustedText text={text} />;
  const nodes: ReactNode[] = [];
  let from = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(/[.,;:!?)\]}]+$/, '');
    const href = safeLink(address);
    if (href === null) continue;
    nodes.push(
      <UntrustedText key={from} text={text.slice(from, match.index)} />,
      <OutLink key={`a${match.index}`} href={href} text={address} />,
    );
    from = match.index + address.length;
  }
  nodes.push(<UntrustedText key={from} text={text.slice(from)} />);
  return nodes;
}

/** The host stands beside the link whenever the text doesn't begin with it. */
function OutLink({ href, text }: { href: string; text: string }) {
  const { host } = new URL(href);
  const shows = text.replace(/^https?:\/\//, '').split('/')[0] === host;
  return (
    <>
      <a href={href} target="_blank" rel="noopener noreferrer nofollow" className="log-link">
        <UntrustedText text={text} />
      </a>
      {!shows && <span className="log-host"> ({host})</span>}
    </>
  );
}

/** Classes come from this fixed list only. */
function classOf(style: AnsiStyle): string {
  const names: string[] = [];
  if (style.inverse) names.push('a-inverse');
  else if (style.bg !== null) names.push(`a-bg-${style.bg % 8}`);
  else if (style.fg !== null) names.push(`a-fg-${style.fg % 8}`);
  if (style.bold) names.push('a-bold');
  if (style.dim) names.push('a-dim');
  if (style.italic) names.push('a-italic');
  if (style.underline) names.push('a-underline');
  if (style.strike) names.push('a-strike');
  return names.join(' ');
}
