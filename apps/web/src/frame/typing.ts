/** Single-letter keys are off while somebody types or a dialog is open. */
export function takesKeys(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  const target = event.target;
  if (
    target instanceof HTMLElement &&
    target.closest('input, textarea, select, [contenteditable], [role="menu"]') !== null
  ) {
    return true;
  }
  return document.querySelector('[role="dialog"]') !== null;
}
