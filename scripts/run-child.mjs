// Plain JavaScript with builtins only: the bootstrap uses it before anything is installed.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/**
 * Runs a program with this terminal and resolves with its exit code (128 + signal number when a signal ended it).
 * Signals sent to this process reach the program. A Ctrl-C typed in a terminal goes to the whole process group, the
 * program included, so it is passed on only where no terminal is attached: otherwise one key press would count twice.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>}
 */
export function runChild(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit', ...options });
    const hasTerminal = Boolean(process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY);
    /** @param {NodeJS.Signals} signal */
    const passOn = (signal) => {
      if (signal === 'SIGINT' && hasTerminal) return;
      child.kill(signal);
    };
    /** @type {NodeJS.Signals[]} */
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, passOn);
    const stopListening = () => {
      for (const signal of signals) process.off(signal, passOn);
    };
    child.on('error', (error) => {
      stopListening();
      reject(error);
    });
    child.on('close', (code, signal) => {
      stopListening();
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
}
