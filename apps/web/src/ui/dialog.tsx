import { Dialog as Radix } from 'radix-ui';
import type { ReactNode } from 'react';

/**
 * A modal dialog on desktops, a bottom sheet on phones. Radix's own Overlay is left out on purpose: it locks
 * scrolling with a style element, which the content security policy refuses.
 */
export function Dialog(props: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  description?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Radix.Root open={props.open} onOpenChange={props.onOpenChange}>
      <Radix.Portal>
        <div className="backdrop" aria-hidden="true" />
        <Radix.Content
          className="dialog"
          {...(props.description === undefined ? { 'aria-describedby': undefined } : {})}
        >
          <Radix.Title className="text-title font-semibold tracking-[-0.018em]">{props.title}</Radix.Title>
          {props.description !== undefined && (
            <Radix.Description asChild>
              <div className="mt-1 text-text-2">{props.description}</div>
            </Radix.Description>
          )}
          {props.children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
