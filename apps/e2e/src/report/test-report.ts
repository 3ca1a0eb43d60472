import { writeFileSync } from 'node:fs';

/** Counts what was shown and prints one line for each. */
export class TestReport {
  #passed = 0;
  readonly #failures: string[] = [];
  #skipped = 0;

  get failed(): number {
    return this.#failures.length;
  }

  pass(name: string, seconds: number, remark = ''): void {
    this.#passed += 1;
    console.log(`  ok    ${name}  ${seconds.toFixed(1)} s${remark && `  ${remark}`}`);
  }

  fail(name: string, seconds: number, why: string): void {
    this.#failures.push(`${name}\n${why}`);
    console.log(`  FAIL  ${name}  ${seconds.toFixed(1)} s\n${why}`);
  }

  skip(name: string, why: string): void {
    this.#skipped += 1;
    console.log(`  skip  ${name}: ${why}`);
  }

  /** For the program that adds up all suites. */
  write(path: string | undefined): void {
    if (path === undefined || path === '') return;
    const counts = { passed: this.#passed, failed: this.failed, skipped: this.#skipped };
    writeFileSync(path, JSON.stringify({ ...counts, failures: this.#failures }));
  }

  describe(): string {
    return `${this.#passed} passed, ${this.failed} failed${this.#skipped > 0 ? `, ${this.#skipped} skipped` : ''}`;
  }
}
