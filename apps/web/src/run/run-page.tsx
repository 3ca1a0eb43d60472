export function RunPage() {
  return <p>stub</p>;
}
