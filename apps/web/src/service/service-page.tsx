export function ServicePage() {
  return <p>stub</p>;
}
