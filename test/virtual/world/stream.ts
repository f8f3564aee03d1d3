import type { WatchStream } from '../../../src/kube/transport.ts';

/** The body of a watch: what the code uses of an `IncomingMessage`. */
export class VirtualStream {
  readonly #chunks: Buffer[] = [];
  #kept: Buffer[] = [];
  #resting = false;
  #end: { error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;
  readonly #onDestroy: () => void;

  readonly socket = {
    pause: (): void => void (this.#resting = true),
    resume: (): void => {
      this.#resting = false;
      if (this.#kept.length === 0) return;
      this.#chunks.push(Buffer.concat(this.#kept));
      this.#kept = [];
      this.#wake?.();
    },
  };

  constructor(onDestroy: () => void) {
    this.#onDestroy = onDestroy;
  }

  push(text: string): void {
    if (this.#end) return;
    (this.#resting ? this.#kept : this.#chunks).push(Buffer.from(text));
    if (!this.#resting) this.#wake?.();
  }

  /** The server ended it in order. */
  finish(): void {
    this.#over(undefined);
  }

  destroy(error?: Error): this {
    this.#over(error ?? new Error('aborted'));
    return this;
  }

  asWatch(): WatchStream {
    const response = this as unknown as WatchStream['response'];
    return { response, close: () => void this.destroy() };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        yield chunk;
      } else if (this.#end) {
        if (this.#end.error) throw this.#end.error;
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
      }
    }
  }

  #over(error: Error | undefined): void {
    if (this.#end) return;
    this.#end = { error };
    this.#onDestroy();
    this.#wake?.();
  }
}
