import type { ComponentProps } from 'react';

type AreaProps = Omit<ComponentProps<'textarea'>, 'id' | 'className' | 'value' | 'onChange'>;

/** Lines to write in, below their label. */
export function TextArea({
  id,
  label,
  value,
  onValue,
  ...area
}: AreaProps & { id: string; label: string; value: string; onValue: (value: string) => void }) {
  return (
    <div>
      <label htmlFor={id} className="mb-1 block font-medium">
        {label}
      </label>
      <textarea
        {...area}
        id={id}
        className="field mono"
        value={value}
        onChange={(event) => onValue(event.target.value)}
      />
    </div>
  );
}
