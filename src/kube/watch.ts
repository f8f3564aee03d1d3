import { pause } from '../core/clock.ts';
import type { Clock, Random } from '../core/clock.ts';
import { versionOf } from '../core/lease.ts';
import type { LeaseApi } from './lease-api.ts';
import { isMissing } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { WatchStream } from './watch-stream.ts';
import { WatchEvent } from './watch-event.ts';
import { WatchReader } from './watch-reader.ts';
import type { WatchedState } from './watch-reader.ts';

export interface WatchListener {
  /** A connection attempt starts: the initial state that follows is no older than this moment. */
  opening(): void;
  state(state: WatchedState): void;
  /** The watch has been interrupted and connects again; said so that nobody relies on silence. */
  trouble(outcome: Exclude<Outcome<unknown>, { kind: 'done' }>): void;
}

/** Bookmarks come about once a minute; a stream without a byte for longer is dead. */
const SILENCE_MS = 90_000;
const OPEN_DEADLINE_MS = 10_000;
/** The server ends a watch after this time; spread, so that not all come back at once. */
const LIFETIME_SECONDS = 900;
const FIRST_BACKOFF_MS = 20;
const MOST_BACKOFF_MS = 5_000;

/**
 * Watches one Lease by name from its initial state until stopped. It survives resets, time-outs,
 * 410 and silence by starting over from a new initial state, and follows the name through deletion
 * and re-creation. Level-triggered: of several events that arrive together only the last is told.
 */
export class LeaseWatch {
  readonly #api: LeaseApi;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #listener: WatchListener;
  readonly #stopping = new AbortController();
  #stream: WatchStream | undefined;
  #endConnection: ((outcome: Outcome<void>) => void) | undefined;
  #initialEventsSupported = true;
  #resume: (() => void) | undefined;

  constructor(
    api: LeaseApi,
    name: string,
    parts: { clock: Clock; random: Random },
    listener: WatchListener,
  ) {
    this.#api = api;
    this.#name = name;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#listener = listener;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopping.abort();
    this.#resume?.();
    this.#stream?.close();
  }

  /** What it has told turned out to be wrong: connects again, as after any other trouble. */
  restart(error: unknown): void {
    this.#endConnection?.(failed(error));
  }

  /**
   * Leaves what arrives in the kernel's buffer for some milliseconds: a waiter far back in a queue
   * need not wake up for every event before its turn. Keep it well below a second, or the server
   * gives up on the watch.
   */
  rest(delay: number): void {
    const stream = this.#stream;
    if (!stream || this.#resume || this.#stopping.signal.aborted) return;
    stream.pause();
    const cancel = this.#clock.schedule(delay, () => this.#resume?.());
    this.#resume = () => {
      this.#resume = undefined;
      cancel();
      stream.resume();
    };
  }

  async #run(): Promise<void> {
    const stopped = this.#stopping.signal;
    let backoff = FIRST_BACKOFF_MS;
    while (!stopped.aborted) {
      const startedAt = this.#clock.now();
      this.#listener.opening();
      const outcome = await this.#connect();
      if (isStopped(stopped)) break;
      if (outcome.kind !== 'done') this.#listener.trouble(outcome);
      // Nor does an orderly end reset it: a server that ends each watch at once would be asked in a loop.
      if (this.#clock.now() - startedAt > MOST_BACKOFF_MS) backoff = FIRST_BACKOFF_MS;
      const asked = outcome.kind === 'done' ? undefined : outcome.retryAfter;
      await pause(this.#clock, asked ?? backoff * (0.5 + this.#random()), stopped);
      backoff = Math.min(MOST_BACKOFF_MS, backoff * 2);
    }
  }

  /** One connection, until it ends. */
  async #connect(): Promise<Outcome<void>> {
    const query: Record<string, string> = {
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(Math.round(LIFETIME_SECONDS * (1 + this.#random() / 3))),
    };
    let initial = true;
    if (this.#initialEventsSupported) {
      query.sendInitialEvents = 'true';
      query.resourceVersionMatch = 'NotOlderThan';
    } else {
      const version = await this.#readInitialState();
      if (typeof version !== 'string') return version;
      query.resourceVersion = version;
      initial = false;
    }
    const signal = this.#stopping.signal;
    const opened = await this.#api.openWatch(this.#name, query, OPEN_DEADLINE_MS, signal);
    if (opened.kind === 'refused' && opened.status === 422 && this.#initialEventsSupported) {
      // A server without WatchList (before 1.32, or switched off): GET, then watch from there.
      this.#initialEventsSupported = false;
      return this.#connect();
    }
    if (opened.kind !== 'done') return opened;
    return this.#follow(opened.body, initial);
  }

  async #readInitialState(): Promise<string | Exclude<Outcome<void>, { kind: 'done' }>> {
    const got = await this.#api.get(this.#name, { signal: this.#stopping.signal });
    if (got.kind === 'done') {
      const line = Buffer.from(JSON.stringify({ type: 'ADDED', object: got.body }));
      const version = versionOf(got.body);
      this.#listener.state({ event: WatchEvent.of(line), version, initial: true });
      return String(version);
    }
    if (isMissing(got)) {
      this.#listener.state({ event: undefined, version: 0n, initial: true });
      return '0';
    }
    return got;
  }

  #follow(stream: WatchStream, initialExpected: boolean): Promise<Outcome<void>> {
    if (this.#stopping.signal.aborted) {
      stream.close();
      return Promise.resolve(ended('stopped'));
    }
    this.#stream = stream;
    const reader = new WatchReader(this.#name, initialExpected);
    return new Promise((resolve) => {
      let over = false;
      const end = (outcome: Outcome<void>): void => {
        if (over) return;
        over = true;
        cancelSilence();
        this.#resume?.();
        this.#stream = undefined;
        this.#endConnection = undefined;
        stream.close();
        resolve(outcome);
      };
      this.#endConnection = end;
      const onSilence = (): void => end(ended('the watch was silent for too long'));
      let cancelSilence = this.#clock.schedule(SILENCE_MS, onSilence);
      stream.read(
        (bytes) => {
          if (over) return;
          cancelSilence();
          cancelSilence = this.#clock.schedule(SILENCE_MS, onSilence);
          let last: WatchedState | undefined;
          try {
            last = reader.read(bytes);
          } catch (error) {
            end(failed(error));
          }
          if (last && !this.#stopping.signal.aborted) this.#listener.state(last);
        },
        (error) => {
          if (error) end(failed(error));
          else end({ kind: 'done', body: undefined, serverTime: undefined });
        },
      );
    });
  }
}

function ended(message: string): Outcome<void> {
  return failed(new Error(message));
}

function failed(error: unknown): Outcome<void> {
  return { kind: 'unknown', sent: true, error, retryAfter: undefined };
}

/** Aborted meanwhile: asked anew, as the compiler takes an earlier answer for lasting. */
function isStopped(signal: AbortSignal): boolean {
  return signal.aborted;
}
