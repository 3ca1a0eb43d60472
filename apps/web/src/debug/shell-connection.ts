import type { SHELL_INPUT_MOST } from '@sluice/protocol';
import { api } from '../api/contract-client.ts';
import { liveStream } from '../live/live-stream.ts';

/** Its type is the protocol's number; the value would bring all schemas along. */
const LONGEST_INPUT: typeof SHELL_INPUT_MOST = 4_096;
/** Hints may be lost: so often is looked without one. */
const LOOK_MS = 2_000;

export interface ShellListener {
  readonly said: (bytes: Uint8Array) => void;
  readonly closed: (why: string) => void;
  readonly trouble: (error: unknown) => void;
}

/** One shell over the API: what it says is read in order, what is typed goes one call after the other. */
export class ShellConnection {
  readonly #shellId: string;
  readonly #listener: ShellListener;
  readonly #stopListening: () => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #from = 0;
  #reading = false;
  #again = false;
  #typed = '';
  #writing = false;
  #over = false;

  constructor(shellId: string, listener: ShellListener) {
    this.#shellId = shellId;
    this.#listener = listener;
    this.#stopListening = liveStream.listen(`shell:${shellId}`, () => this.#read());
    this.#timer = setInterval(() => this.#read(), LOOK_MS);
    this.#read();
  }

  type(text: string): void {
    this.#typed += text;
    void this.#write();
  }

  resize(columns: number, rows: number): void {
    if (!this.#over) api.debug.resizeShell({ shellId: this.#shellId, columns, rows }).catch(() => undefined);
  }

  /** Closes the shell as well. */
  end(): void {
    if (!this.#over) api.debug.closeShell({ shellId: this.#shellId }).catch(() => undefined);
    this.#stop();
  }

  #stop(): void {
    this.#over = true;
    this.#stopListening();
    clearInterval(this.#timer);
  }

  #read(): void {
    if (this.#reading || this.#over) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    void this.#readOn().finally(() => (this.#reading = false));
  }

  /** Goes on until there is nothing new: asking from behind what was shown is what lets the shell say more. */
  async #readOn(): Promise<void> {
    try {
      for (;;) {
        this.#again = false;
        const said = await api.debug.readShell({ shellId: this.#shellId, from: this.#from });
        const bytes = Uint8Array.from(atob(said.data), (letter) => letter.charCodeAt(0));
        const moved = said.from + bytes.length > this.#from;
        this.#from = said.from + bytes.length;
        if (bytes.length > 0) this.#listener.said(bytes);
        if (!moved && said.closed !== null) {
          this.#stop();
          this.#listener.closed(said.closed);
          return;
        }
        if (!moved && !this.#again) return;
      }
    } catch (error) {
      // The next look tries again.
      if (!this.#over) this.#listener.trouble(error);
    }
  }

  async #write(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      while (this.#typed !== '' && !this.#over) {
        const text = this.#typed.slice(0, LONGEST_INPUT);
        this.#typed = this.#typed.slice(text.length);
        await api.debug.writeShell({ shellId: this.#shellId, text });
      }
    } catch (error) {
      this.#typed = '';
      if (!this.#over) this.#listener.trouble(error);
    } finally {
      this.#writing = false;
    }
  }
}
