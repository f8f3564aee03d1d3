import type { IncomingMessage } from 'node:http';
import type { ApiObject } from './objects.ts';
import type { WatchStep } from './transcript.ts';

export interface WatchEvent {
  readonly type: string;
  readonly object: ApiObject;
}

export interface WatchOptions {
  /** What of an object is compared. Default: all of it. */
  readonly compare?: (object: ApiObject) => unknown;
  /** Whether to deliver bookmarks that come at a time of the server's own, too. */
  readonly bookmarks?: true;
}

/** An open watch. What it delivers is recorded as it is read. */
export class Watch {
  readonly #response: IncomingMessage;
  readonly #step: WatchStep;
  readonly #events: AsyncGenerator<WatchEvent>;
  readonly #compare: WatchOptions['compare'];

  constructor(response: IncomingMessage, step: WatchStep, options: WatchOptions) {
    this.#response = response;
    this.#compare = options.compare;
    this.#step = step;
    this.#events = readEvents(response, options.bookmarks ?? false);
  }

  /** Reads up to and including the first event that fits. */
  async until(fits: (event: WatchEvent) => boolean): Promise<WatchEvent> {
    for (;;) {
      const next = await this.#events.next();
      if (next.done === true) throw new Error(`${this.#step.request} ended early`);
      this.#record(next.value);
      if (fits(next.value)) return next.value;
    }
  }

  /** Reads this many events. */
  async take(count: number): Promise<void> {
    for (let taken = 0; taken < count; taken += 1) await this.until(() => true);
  }

  /** Reads until the server ends the watch. */
  async untilEnd(): Promise<void> {
    for await (const event of this.#events) this.#record(event);
    this.#step.ended = true;
  }

  close(): void {
    this.#response.destroy();
  }

  #record({ type, object }: WatchEvent): void {
    this.#step.events.push({ type, object: this.#compare?.(object) ?? object });
  }
}

/**
 * When a bookmark comes is no promise of a server, except for that after the initial events: the
 * others are left out unless a case is about them.
 */
async function* readEvents(
  response: IncomingMessage,
  bookmarks: boolean,
): AsyncGenerator<WatchEvent> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const chunk of response as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = JSON.parse(line) as WatchEvent;
      const isPromised = event.type !== 'BOOKMARK' || line.includes('k8s.io/initial-events-end');
      if (isPromised || bookmarks) yield event;
    }
  }
}
