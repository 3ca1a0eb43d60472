import { ChevronDown } from 'lucide-react';
import type { ReactNode } from 'react';

/** A native select: the policy refuses the style element that Radix's needs, and phones have the better one built in. */
export function Select(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  children: ReactNode;
  className?: string;
  id?: string;
}) {
  return (
    <span className={`select ${props.className ?? ''}`}>
      <select
        {...(props.id === undefined ? { 'aria-label': props.label } : { id: props.id })}
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
      >
        {props.children}
      </select>
      <ChevronDown size={14} aria-hidden="true" />
    </span>
  );
}
