/** What a sealed secret is bound to. */
export function secretPlace(secretId: string): string {
  return `secret:${secretId}`;
}
