export function EnvironmentsPage() {
  return <p>stub</p>;
}
