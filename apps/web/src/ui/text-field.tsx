import type { ComponentProps } from 'react';

type InputProps = Omit<ComponentProps<'input'>, 'id' | 'className' | 'value' | 'onChange'>;

/** A line to write in, below its label. `className` is the whole field's place in its form. */
export function TextField({
  id,
  label,
  value,
  onValue,
  mono = false,
  className,
  ...input
}: InputProps & {
  id: string;
  label: string;
  value: string;
  onValue: (value: string) => void;
  mono?: boolean;
  className?: string;
}) {
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
      </label>
      <input
        {...input}
        id={id}
        className={mono ? 'field mono' : 'field'}
        value={value}
        onChange={(event) => onValue(event.target.value)}
      />
    </div>
  );
}
