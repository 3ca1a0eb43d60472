export function WelcomePage() {
  return <p>stub</p>;
}
