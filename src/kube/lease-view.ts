import type { Clock, Random } from '../core/clock.ts';
import { versionOf } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { LeaseApi, RequestLimits } from './lease-api.ts';
import { asLease } from './lease-shape.ts';
import { isMissing } from './outcome.ts';
import type { LeaseOutcome, Outcome } from './outcome.ts';
import { LeaseWatch } from './watch.ts';
import type { WatchedState } from './watch-reader.ts';
import type { WatchEvent } from './watch-event.ts';

/**
 * The latest known state of one Lease, from a watch, reads and the answers to writes, whichever
 * order they arrive in. Half of the events of a watch arrive before the answer to the write that
 * caused them. It may be stale at any time: act on it only by compare-and-swap.
 */
export class LeaseView {
  readonly name: string;
  readonly #api: LeaseApi;
  readonly #parts: { clock: Clock; random: Random };
  readonly #listeners = new Set<() => void>();
  #known = false;
  #lease: Lease | undefined;
  #event: WatchEvent | undefined;
  #version = 0n;
  /** Counts accepted states, so that an answer knows whether anything was learnt meanwhile. */
  #changes = 0;
  #watch: LeaseWatch | undefined;
  #synced = false;
  #trouble: Exclude<Outcome<unknown>, { kind: 'done' }> | undefined;

  constructor(api: LeaseApi, name: string, parts: { clock: Clock; random: Random }) {
    this.#api = api;
    this.name = name;
    this.#parts = parts;
  }

  /** Whether any state was learnt yet. */
  get known(): boolean {
    return this.#known;
  }

  /** The Lease; undefined when it does not exist, or when nothing is known. */
  get lease(): Lease | undefined {
    if (this.#event) {
      const event = this.#event;
      this.#event = undefined;
      try {
        this.#lease = asLease(event.object(), this.name);
      } catch (error) {
        // Nothing is known until the watch has told the state afresh.
        this.#known = false;
        this.#synced = false;
        this.#watch?.restart(error);
      }
    }
    return this.#lease;
  }

  /**
   * What is known: the Lease, or that there is none. Undefined when nothing is known, as of an event
   * that turns out to be garbled when it is read here.
   */
  state(): { readonly lease: Lease | undefined } | undefined {
    const { lease } = this;
    return this.#known ? { lease } : undefined;
  }

  get version(): bigint {
    return this.#version;
  }

  get changes(): number {
    return this.#changes;
  }

  /** Whether a watch follows the Lease now and has told its initial state. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Why the watch could not connect, the last time that it tried. */
  get trouble(): Exclude<Outcome<unknown>, { kind: 'done' }> | undefined {
    return this.#trouble;
  }

  /** Whether the Lease's text contains this; answers without parsing it. */
  mentions(text: string): boolean {
    if (this.#event) return this.#event.line.includes(text);
    return this.#lease !== undefined && JSON.stringify(this.#lease).includes(text);
  }

  /** Calls `listener` after each change and each trouble, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get watching(): boolean {
    return this.#watch !== undefined;
  }

  startWatch(): void {
    if (this.#watch) return;
    let changesAtOpening = this.#changes;
    this.#watch = new LeaseWatch(this.#api, this.name, this.#parts, {
      opening: () => {
        changesAtOpening = this.#changes;
        this.#synced = false;
      },
      state: (state) => {
        this.#synced = true;
        this.#trouble = undefined;
        this.#acceptWatched(state, changesAtOpening);
      },
      trouble: (outcome) => {
        this.#synced = false;
        this.#trouble = outcome;
        this.#tell();
      },
    });
    this.#watch.start();
  }

  stopWatch(): void {
    this.#watch?.stop();
    this.#watch = undefined;
    this.#synced = false;
  }

  /** Lets go of the Lease, of which nothing is known from now on. No older state is taken for a newer. */
  forget(): void {
    this.#known = false;
    this.#lease = undefined;
    this.#event = undefined;
  }

  /** See {@link LeaseWatch.rest}. */
  rest(delay: number): void {
    this.#watch?.rest(delay);
  }

  /** Reads the Lease with a linearizable GET and takes the answer in. */
  async read(limits?: RequestLimits): Promise<LeaseOutcome> {
    const before = this.#changes;
    const outcome = await this.#api.get(this.name, limits);
    if (outcome.kind === 'done') {
      // Nothing was learnt meanwhile and yet the version is lower: etcd was restored.
      this.#accept(outcome.body, versionOf(outcome.body), this.#changes === before);
    } else if (isMissing(outcome) && this.#changes === before) {
      this.#acceptAbsent(this.#version);
    }
    return outcome;
  }

  /**
   * Takes in the object that a write answered with.
   *
   * @param changes - as they were when it was sent: if nothing was learnt meanwhile and yet the
   * version is lower, etcd was restored
   */
  wrote(lease: Lease, changes?: number): void {
    // What the server notes of field owners is the larger part of a small Lease, and kept for long.
    const { managedFields: _, ...metadata } = lease.metadata;
    this.#accept({ ...lease, metadata }, versionOf(lease), this.#changes === changes);
  }

  /** Takes in that the object of this version is gone. */
  removed(version: bigint): void {
    if (version >= this.#version) this.#acceptAbsent(version);
  }

  #acceptWatched(state: WatchedState, changesAtOpening: number): void {
    const stale = state.version < this.#version;
    if (stale && !(state.initial && this.#changes === changesAtOpening)) return;
    if (this.#known && !state.initial && state.version === this.#version) return;
    if (!state.event) {
      this.#acceptAbsent(state.version);
      return;
    }
    this.#lease = undefined;
    this.#event = state.event;
    this.#accepted(state.version);
  }

  #accept(lease: Lease, version: bigint, even: boolean): void {
    if (version < this.#version && !even) return;
    // The same version after a deletion is an answer from before it; of another object, etcd was restored.
    const isOther = (): boolean => even && this.lease?.metadata.uid !== lease.metadata.uid;
    if (this.#known && version === this.#version && !isOther()) return;
    this.#event = undefined;
    this.#lease = lease;
    this.#accepted(version);
  }

  #acceptAbsent(version: bigint): void {
    const isNews = !this.#known || this.#event || this.#lease || version !== this.#version;
    this.#event = undefined;
    this.#lease = undefined;
    if (isNews) this.#accepted(version);
  }

  #accepted(version: bigint): void {
    this.#known = true;
    this.#version = version;
    this.#changes += 1;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
