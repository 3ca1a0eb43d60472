export function InboxPage() {
  return <p>stub</p>;
}
