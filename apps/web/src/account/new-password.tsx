import { TextField } from '../ui/text-field.tsx';

/** A password to be set, with the rule that the server holds it to. */
export function NewPassword({
  label = 'New password',
  value,
  onValue,
}: {
  label?: string;
  value: string;
  onValue: (value: string) => void;
}) {
  return (
    <>
      <TextField
        id="new-password"
        label={label}
        className="mt-3"
        type="password"
        autoComplete="new-password"
        required
        minLength={12}
        maxLength={128}
        aria-describedby="password-rule"
        value={value}
        onValue={onValue}
      />
      <p id="password-rule" className="mt-1 text-sub text-text-2">
        At least 12 characters
      </p>
    </>
  );
}
