export function RunnersPage() {
  return <p>stub</p>;
}
