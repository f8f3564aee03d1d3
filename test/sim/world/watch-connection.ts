import { VirtualStream } from '../../../src/testing/virtual/stream.ts';
import type { Host } from '../../../src/testing/virtual/host.ts';
import type { ApiServer } from './control-plane.ts';
import type { World } from './world.ts';

/** The server's side of one watch. */
export interface OpenWatch {
  readonly name: string;
  /** Says nothing any more, and does not end either. */
  silence(): void;
  /** The connection breaks. */
  cut(): void;
  /** Silent for long enough: the client's machine finds out that there is no connection any more. */
  reset(): void;
  /** The last events are told once more, in their order. */
  repeat(count: number): void;
  /** The server gives up, as the version is too old. */
  expire(): void;
}

const GONE =
  '{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old resource version"}}';

/** What a server says to one watch arrives in order, later, or never. */
export class WatchConnection implements OpenWatch {
  readonly name: string;
  readonly stream: VirtualStream;
  readonly #world: World;
  readonly #host: Host;
  readonly #server: ApiServer;
  readonly #open: Set<OpenWatch>;
  readonly #onClose: (() => void)[];
  readonly #lastLines: (count: number) => readonly string[];
  #silent = false;
  #lastAt = 0;

  /** @param lastLines - what to tell once more if so many events are repeated */
  constructor(
    parts: { world: World; host: Host; server: ApiServer; open: Set<OpenWatch> },
    name: string,
    lastLines: (count: number) => readonly string[],
  ) {
    this.#world = parts.world;
    this.#host = parts.host;
    this.#server = parts.server;
    this.#open = parts.open;
    this.#lastLines = lastLines;
    this.name = name;
    this.stream = new VirtualStream(() => this.silence());
    this.#open.add(this);
    this.#onClose = [parts.server.onEnd(() => this.cut())];
  }

  /** Calls `end` as soon as nothing is to be said any more. */
  onClose(end: () => void): void {
    if (this.#silent) end();
    else this.#onClose.push(end);
  }

  say(line: string): void {
    this.#deliver(() => this.stream.push(`${line}\n`));
  }

  /** In order. */
  finish(): void {
    this.#deliver(() => this.stream.finish());
  }

  silence(): void {
    this.#silent = true;
    this.#open.delete(this);
    for (const end of this.#onClose.splice(0)) end();
  }

  cut(): void {
    this.#deliver(() => this.stream.destroy(new Error('read ECONNRESET')));
  }

  reset(): void {
    this.#host.run(() => this.stream.destroy(new Error('read ETIMEDOUT')));
  }

  repeat(count: number): void {
    for (const line of this.#lastLines(count)) this.say(line);
  }

  expire(): void {
    this.say(GONE);
    this.finish();
  }

  #deliver(task: () => void): void {
    const { time, latency } = this.#world;
    this.#lastAt = Math.max(this.#lastAt, time.now + this.#server.lag + latency());
    time.schedule(this.#lastAt - time.now, () => {
      if (this.#silent) return;
      if (this.#host.cut) {
        // What does not get through breaks the connection, and nobody is told.
        this.silence();
        this.#world.broken.add(this);
      } else {
        this.#host.run(task);
      }
    });
  }
}
