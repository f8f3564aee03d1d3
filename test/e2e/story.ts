import { type ApiClient, ApiRequestError } from '../cluster/client.ts';

const longestWaitMilliseconds = 150_000;

/** A line that a container has written: of the example application, with what it tells. */
export interface Line {
  readonly pod: string;
  readonly text: string;
  /** Milliseconds since 1970 on the node's clock; 0 in what others have written. */
  readonly at: number;
  /** Empty in what others have written. */
  readonly event: string;
  readonly pid: number;
  readonly ppid: number;
  readonly fence?: string;
  readonly session?: string;
  readonly lock?: string;
  readonly valid?: boolean;
  /** The Pods that have answered within a second. */
  readonly by?: readonly string[];
  readonly requests?: number;
  readonly perSecond?: number;
  readonly failed?: number;
  readonly failedTwice?: number;
  readonly slowestMs?: number;
}

interface Pod {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status?: {
    readonly containerStatuses?: readonly {
      readonly containerID?: string;
      readonly state?: { readonly running?: object };
    }[];
  };
}

/** What all containers of a namespace have written, from their starts on. */
export class Story {
  readonly lines: Line[] = [];
  readonly #client: ApiClient;
  readonly #pods: string;
  readonly #ending = new AbortController();
  readonly #followed = new Set<string>();
  readonly #ended = new Set<string>();
  readonly #listeners = new Set<() => void>();
  #failure: unknown;

  constructor(client: ApiClient, namespace: string) {
    this.#client = client;
    this.#pods = `/api/v1/namespaces/${namespace}/pods`;
  }

  /** Begins to listen; every later container is heard. */
  async begin(): Promise<void> {
    const events = await this.#client.watch<Pod>(this.#pods, this.#ending.signal);
    void this.#followAll(events).catch((error: unknown) => {
      this.#failed(error);
    });
  }

  end(): void {
    this.#ending.abort();
  }

  /** Those of the example application, in the order of their times. */
  told(event: string): Line[] {
    return this.lines.filter((line) => line.event === event).sort((a, b) => a.at - b.at);
  }

  /** Waits until so many lines are as asked for, and returns them. */
  async until(what: string, fits: (line: Line) => boolean, count = 1): Promise<[Line, ...Line[]]> {
    let found: Line[] = [];
    await this.#untilTrue(what, () => {
      found = this.lines.filter(fits);
      return found.length >= Math.max(count, 1);
    });
    return found as [Line, ...Line[]];
  }

  /** Waits for lines of the example application. */
  async untilTold(event: string, count = 1): Promise<[Line, ...Line[]]> {
    return this.until(event, (line) => line.event === event, count);
  }

  /** Waits until Pods have ended, and all that they have written is here. */
  async untilEnded(pods: readonly string[]): Promise<void> {
    await this.#untilTrue(`the last of ${pods.join(', ')}`, () =>
      pods.every((pod) => this.#ended.has(pod)),
    );
  }

  /** All that was written, for people. */
  text(): string {
    return this.lines.map(({ pod, text }) => `${pod}: ${text}`).join('\n');
  }

  async #followAll(events: AsyncIterable<{ readonly object: Pod }>): Promise<void> {
    for await (const { object } of events) {
      for (const { containerID = '', state } of object.status?.containerStatuses ?? []) {
        if (!state?.running || this.#followed.has(containerID)) continue;
        this.#followed.add(containerID);
        void this.#follow(object.metadata.name).catch((error: unknown) => {
          this.#failed(error);
        });
      }
    }
  }

  async #follow(pod: string): Promise<void> {
    const path = `${this.#pods}/${pod}/log?follow=true`;
    for await (const text of await this.#client.follow(path, this.#ending.signal)) {
      this.lines.push(lineOf(pod, text));
      this.#notify();
    }
    this.#ended.add(pod);
    this.#notify();
  }

  async #untilTrue(what: string, isTrue: () => boolean): Promise<void> {
    const timeout = AbortSignal.timeout(longestWaitMilliseconds);
    while (!isTrue()) {
      if (this.#failure !== undefined) throw this.#failure as Error;
      if (timeout.aborted) throw new Error(`nobody has told ${what}:\n${this.text()}`);
      await this.#change(timeout);
    }
  }

  #failed(error: unknown): void {
    // A Pod may be gone before its log is asked for.
    const isGone = error instanceof ApiRequestError && error.status === 404;
    if (isGone || this.#ending.signal.aborted) return;
    this.#failure = error;
    this.#notify();
  }

  async #change(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const listener = (): void => {
        this.#listeners.delete(listener);
        signal.removeEventListener('abort', listener);
        resolve();
      };
      this.#listeners.add(listener);
      signal.addEventListener('abort', listener);
    });
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

export function lineOf(pod: string, text: string): Line {
  const nothing = { at: 0, event: '', pid: 0, ppid: 0 };
  try {
    return { ...nothing, ...(JSON.parse(text) as Partial<Line>), pod, text };
  } catch {
    return { ...nothing, pod, text };
  }
}
