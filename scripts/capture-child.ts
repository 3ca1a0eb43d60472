import { spawn } from 'node:child_process';
import { workspaceRoot } from './workspace.ts';

export interface CapturedChild {
  readonly exitCode: number;
  /** Standard output and error in the order they arrived. */
  readonly output: string;
}

/** Runs a program of the workspace with the pinned Node and keeps what it prints, for parts whose output matters only when they fail. */
export function captureNode(args: readonly string[], env: Record<string, string> = {}): Promise<CapturedChild> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: workspaceRoot,
      // Tools colour what is meant for a terminal, and only that: a log file stays readable.
      env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ exitCode: code ?? 1, output: Buffer.concat(chunks).toString('utf8') }));
  });
}
