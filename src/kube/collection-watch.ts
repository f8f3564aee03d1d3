import { pause } from '../core/clock.ts';
import type { Clock, Random } from '../core/clock.ts';
import { collect, GONE } from './collection.ts';
import type { Collected, Collection, Listable } from './collection.ts';
import { LineSplitter } from './lines.ts';
import type { Outcome } from './outcome.ts';
import type { Requests } from './transport.ts';
import { WatchEvent } from './watch-event.ts';
import type { WatchStream } from './watch-stream.ts';

export interface CollectionListener<Kept> {
  /** All that there is: first of all, and whenever changes may have been missed. */
  listed(listed: Collected<Kept>): void;
  /** An object was written. */
  written(kept: Kept): void;
  /** With the last state that it had. */
  deleted(kept: Kept): void;
  /** From now on nothing is heard, until `resumed` or `listed`. What it throws ends the watch. */
  interrupted(failure: Failure, everListed: boolean): void;
  /** Nothing was missed, it only comes late. */
  resumed(): void;
  /** The server has said something, a bookmark included. */
  heard?(): void;
}

export type Failure = Exclude<Outcome<unknown>, { kind: 'done' }>;
/** Whether the next connection can go on where this one ended. */
interface Ending {
  readonly missed: boolean;
  readonly failure: Failure | undefined;
}

/** Bookmarks come about once a minute; a stream without a byte for longer is dead. */
const SILENCE_MS = 90_000;
const OPEN_DEADLINE_MS = 10_000;
/** The server ends a watch after this time; spread, so that not all come back at once. */
const LIFETIME_SECONDS = 900;
const FIRST_BACKOFF_MS = 100;
const MOST_BACKOFF_MS = 5_000;
/** Of a version that is too old, or none that the server has ever given. */
const DOUBTS_VERSION: readonly number[] = [GONE, 400];

/**
 * Follows all objects of a collection until stopped: a list, and a watch from its version on. After
 * a reset the watch goes on from the last version that it has told, and nothing is missed; where the
 * server no longer has that version (410), or stays silent, it lists again.
 */
export class CollectionWatch<Kept> {
  readonly #requests: Requests;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #collection: Collection;
  readonly #keep: (item: Listable) => Kept;
  readonly #listener: CollectionListener<Kept>;
  /** From where the next watch goes on; undefined when a list is needed. */
  #version: string | undefined;
  #everListed = false;
  #interrupted = false;

  /** @param keep - what to keep of an object: all else is dropped at once */
  constructor(
    requests: Requests,
    parts: { clock: Clock; random: Random },
    collection: Collection,
    keep: (item: Listable) => Kept,
    listener: CollectionListener<Kept>,
  ) {
    this.#requests = requests;
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#collection = collection;
    this.#keep = keep;
    this.#listener = listener;
  }

  /** Resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let backoff = FIRST_BACKOFF_MS;
    while (!signal.aborted) {
      const startedAt = this.#clock.now();
      const failure = await this.#once(signal);
      if (isAborted(signal)) return;
      const lasted = this.#clock.now() - startedAt > MOST_BACKOFF_MS;
      if (!failure || lasted) backoff = FIRST_BACKOFF_MS;
      if (failure) {
        this.#interrupted = true;
        this.#listener.interrupted(failure, this.#everListed);
      }
      // Between orderly ends too, or a server that ends each watch at once would be asked in a loop.
      await pause(this.#clock, failure?.retryAfter ?? backoff * (0.5 + this.#random()), signal);
      backoff = Math.min(MOST_BACKOFF_MS, backoff * 2);
    }
  }

  /** A list if one is needed, and one connection of the watch. */
  async #once(signal: AbortSignal): Promise<Failure | undefined> {
    if (this.#version === undefined) {
      const listed = await collect(this.#requests, this.#collection, this.#keep, signal);
      if (listed.kind !== 'done') return listed;
      this.#version = listed.body.resourceVersion;
      this.#everListed = true;
      this.#interrupted = false;
      this.#listener.listed(listed.body);
    }
    const { path, selector } = this.#collection;
    const query: Record<string, string> = {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version,
      timeoutSeconds: String(Math.round(LIFETIME_SECONDS * (1 + this.#random() / 3))),
      ...(selector === undefined ? {} : { labelSelector: selector }),
    };
    const opened = await this.#requests.openWatch(path, query, OPEN_DEADLINE_MS, signal);
    if (opened.kind !== 'done') {
      if (opened.kind !== 'refused' || !DOUBTS_VERSION.includes(opened.status)) return opened;
      this.#version = undefined;
      return opened.status === GONE ? undefined : opened;
    }
    if (this.#interrupted) {
      this.#interrupted = false;
      this.#listener.resumed();
    }
    const { missed, failure } = await this.#read(opened.body, signal);
    if (missed) this.#version = undefined;
    return failure;
  }

  #read(stream: WatchStream, signal: AbortSignal): Promise<Ending> {
    const splitter = new LineSplitter();
    return new Promise((resolve) => {
      let over = false;
      const end = (ending: Ending): void => {
        if (over) return;
        over = true;
        cancelSilence();
        signal.removeEventListener('abort', stop);
        stream.close();
        resolve(ending);
      };
      const stop = (): void => {
        end({ missed: false, failure: undefined });
      };
      // A watch from a version that is to come, as after a restore of etcd, says nothing.
      const onSilence = (): void => {
        end({ missed: true, failure: failed(new Error('the watch was silent for too long')) });
      };
      let cancelSilence = this.#clock.schedule(SILENCE_MS, onSilence);
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      stream.read(
        (bytes) => {
          if (over) return;
          cancelSilence();
          cancelSilence = this.#clock.schedule(SILENCE_MS, onSilence);
          this.#listener.heard?.();
          try {
            for (const line of splitter.push(bytes)) {
              const ending = this.#take(WatchEvent.of(line));
              if (ending) end(ending);
            }
          } catch (error) {
            end({ missed: true, failure: failed(error) });
          }
        },
        (error) => {
          end({ missed: false, failure: error ? failed(error) : undefined });
        },
      );
    });
  }

  /** What ends the watch, if this event does. */
  #take(event: WatchEvent): Ending | undefined {
    if (event.type === 'ERROR') {
      const { code, message } = event.error();
      const error = new Error(`the watch ended with ${String(code)}: ${message}`);
      return { missed: true, failure: code === GONE ? undefined : failed(error) };
    }
    const item: Listable = event.object();
    const { resourceVersion } = item.metadata;
    // An odd one would be asked for again and again.
    if (typeof resourceVersion !== 'string') throw new Error('an event does not tell its version');
    this.#version = resourceVersion;
    if (event.type === 'BOOKMARK') return undefined;
    const kept = this.#keep(item);
    if (event.type === 'DELETED') this.#listener.deleted(kept);
    else this.#listener.written(kept);
    return undefined;
  }
}

function failed(error: unknown): Failure {
  return { kind: 'unknown', sent: true, error, retryAfter: undefined };
}

/** Aborted meanwhile: asked anew, as the compiler takes an earlier answer for lasting. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
