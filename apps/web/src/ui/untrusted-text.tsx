import { Fragment } from 'react';
import { splitInvisible } from './invisible-characters.ts';

/** Text from repositories and people outside: never markup, invisible and direction-changing characters shown as marks. */
export function UntrustedText({ text }: { text: string }) {
  const parts = splitInvisible(text);
  if (parts.length === 1 && parts[0]?.kind === 'text') return <>{text}</>;
  return (
    <>
      {parts.map((part, index) =>
        part.kind === 'text' ? (
          <Fragment key={index}>{part.text}</Fragment>
        ) : (
          <span key={index} className="mark" title={part.name}>
            {part.code}
          </span>
        ),
      )}
    </>
  );
}
