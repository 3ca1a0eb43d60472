/** The variable that hands an input to the steps. */
export function inputVariable(name: string): string {
  return `INPUT_${name.toUpperCase()}`;
}
