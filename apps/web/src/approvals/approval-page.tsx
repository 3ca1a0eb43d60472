export function ApprovalPage() {
  return <p>stub</p>;
}
