import type { WatchStream } from '../../kube/watch-stream.ts';

/** The body of a watch. */
export class VirtualStream implements WatchStream {
  #kept: Buffer[] = [];
  #paused = false;
  #end: { error: Error | undefined } | undefined;
  #onBytes: ((bytes: Buffer) => void) | undefined;
  #onEnd: ((error?: Error) => void) | undefined;
  readonly #onDestroy: () => void;

  constructor(onDestroy: () => void) {
    this.#onDestroy = onDestroy;
  }

  read(onBytes: (bytes: Buffer) => void, onEnd: (error?: Error) => void): void {
    this.#onBytes = onBytes;
    this.#onEnd = onEnd;
    this.#flow();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#flow();
  }

  close(): void {
    this.destroy(new Error('aborted'));
  }

  push(text: string): void {
    if (this.#end) return;
    this.#kept.push(Buffer.from(text));
    this.#flow();
  }

  /** The server ended it in order. */
  finish(): void {
    this.#over(undefined);
  }

  destroy(error: Error): void {
    this.#kept = [];
    this.#paused = false;
    this.#over(error);
  }

  /** What was kept back arrives at once. */
  #flow(): void {
    if (this.#paused || !this.#onBytes) return;
    const bytes = Buffer.concat(this.#kept.splice(0));
    if (bytes.length > 0) this.#onBytes(bytes);
    if (this.#end) this.#onEnd?.(this.#end.error);
  }

  #over(error: Error | undefined): void {
    if (this.#end) return;
    this.#end = { error };
    this.#onDestroy();
    this.#flow();
  }
}
