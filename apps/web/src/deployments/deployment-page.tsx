export function DeploymentPage() {
  return <p>stub</p>;
}
