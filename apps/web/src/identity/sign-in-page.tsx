export function SignInPage() {
  return <p>stub</p>;
}
