import { pause } from '../core/clock.ts';
import type { Entry } from '../core/entry.ts';
import { CHALLENGE_ANNOTATION, microTime } from '../core/lease.ts';
import type { Lease } from '../core/lease.ts';
import type { Parts } from '../core/parts.ts';
import { ASKER, REVOKER } from '../kube/lease-api.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { LeaseView } from '../kube/lease-view.ts';
import { isMissing } from '../kube/outcome.ts';
import {
  blanked,
  isBlank,
  isSession,
  renewedAtServer,
  voidAttempts,
} from '../core/session-lease.ts';
import { Sighting, heartbeat } from './sighting.ts';

/** How long a session that did not renew counts as alive, beyond its ttl, by turn in the queue. */
const STAGGER_MS = 150;
/** After a revocation that failed: twice as long each time. */
const FIRST_RETRY_MS = 100;
const MOST_RETRY_MS = 5_000;

export interface WatchedSessionListener {
  /** The session died, or disowned an attempt. */
  changed(): void;
  /** This process revoked it. */
  revoked(lease: Lease, ttl: number): void;
}

/**
 * Another process's session as this process sees it: alive, or proven dead. Once dead it stays so.
 *
 * Death is a blank session (revoked), or a session gone for a ttl, or one that was seen without a
 * renewal for a ttl and that this process then revoked itself.
 */
export class WatchedSession {
  readonly name: string;
  readonly uid: string;
  readonly #api: LeaseApi;
  readonly #parts: Parts;
  readonly #listener: WatchedSessionListener;
  readonly #view: LeaseView;
  readonly #sighting = new Sighting();
  #ttl = 0;
  #dead = false;
  #void: ReadonlySet<string> = new Set();
  #interests = 0;
  #cancelCheck: () => void = () => undefined;
  #checking = false;
  #retry = 0;
  #turn = 0;
  #lock = '';

  constructor(
    api: LeaseApi,
    parts: Parts,
    session: { name: string; uid: string },
    listener: WatchedSessionListener,
  ) {
    this.name = session.name;
    this.uid = session.uid;
    this.#api = api;
    this.#parts = parts;
    this.#listener = listener;
    this.#view = new LeaseView(api, session.name, parts);
    this.#view.subscribe(() => {
      // An event that cannot be read tells nothing, least of all that there is no session.
      const state = this.#view.state();
      if (state) this.#take(state.lease);
    });
  }

  get dead(): boolean {
    return this.#dead;
  }

  get watched(): boolean {
    return this.#interests > 0;
  }

  isVoid(attempt: string): boolean {
    return this.#void.has(attempt);
  }

  /**
   * Watches the session until the returned function is called.
   *
   * @param turn - the waiter's place, which spreads the revocations of many waiters
   */
  follow(entry: Entry, turn: number): () => void {
    this.#ttl = Math.max(this.#ttl, entry.ttl * 1_000);
    this.#turn = turn;
    this.#interests += 1;
    if (this.#interests === 1 && !this.#dead) this.#view.startWatch();
    this.#schedule();
    let following = true;
    return () => {
      if (!following) return;
      following = false;
      this.#interests -= 1;
      if (this.#interests === 0) this.stop();
    };
  }

  /** For whose sake it is observed, for the log. */
  set lock(name: string) {
    this.#lock = name;
  }

  /** Of what it was, only the sightings stay: a process remembers many sessions. */
  stop(): void {
    this.#view.stopWatch();
    this.#view.forget();
    this.#cancelCheck();
  }

  /**
   * For a client that tries only once: whether the session can be proven dead, at the price of waiting
   * until it was unseen for a ttl when the server's own clock says that it was last renewed over two
   * ttl ago. Revokes it then.
   */
  async provenDeadNow(entry: Entry, signal?: AbortSignal): Promise<boolean> {
    this.#ttl = Math.max(this.#ttl, entry.ttl * 1_000);
    const first = await this.#read(signal);
    if (!first || this.#dead) return this.#dead;
    const wait = this.#untilProven(first.lease, first.serverTime);
    if (wait === undefined) return false;
    if (wait > 0) {
      const beat = this.#sighting.heartbeat;
      await pause(this.#parts.clock, wait, signal);
      if (signal?.aborted || !(await this.#read(signal))) return this.#dead;
      if (this.#sighting.heartbeat !== beat) return this.#dead;
    }
    await this.#bury('unseen for a ttl');
    return this.#dead;
  }

  /**
   * Whether it was renewed within its ttl, by the server's own clock. For what people are told: API
   * servers have clocks of their own.
   */
  async seemsAlive(entry: Entry, signal?: AbortSignal): Promise<boolean> {
    const ttl = Math.max(this.#ttl, entry.ttl * 1_000);
    const read = await this.#read(signal);
    if (!read?.lease || this.#dead || read.lease.metadata.uid !== this.uid) return false;
    const renewedAt = renewedAtServer(read.lease);
    if (renewedAt === undefined || read.serverTime === undefined) return false;
    return read.serverTime - renewedAt <= ttl;
  }

  /** How much longer it must stay unseen to be proven dead; undefined when it may be alive. */
  #untilProven(lease: Lease | undefined, serverTime: number | undefined): number | undefined {
    const { clock } = this.#parts;
    const seenFor = clock.now() - (this.#sighting.since ?? clock.now());
    // A missing session says nothing of when its owner last renewed it.
    if (this.#sighting.heartbeat === 'missing' || seenFor >= this.#ttl) return this.#ttl - seenFor;
    const renewedAt = lease && renewedAtServer(lease);
    if (renewedAt === undefined || serverTime === undefined) return undefined;
    // Whether it is worth the wait, and no proof: API servers have clocks of their own.
    if (serverTime - renewedAt <= 2 * this.#ttl) return undefined;
    return this.#ttl - seenFor;
  }

  /** Asks the owner to say whether it knows this attempt; it answers by its next renewal. */
  async challenge(attempt: string): Promise<void> {
    const annotations = { [CHALLENGE_ANNOTATION]: attempt };
    const limits = { fieldManager: ASKER };
    await this.#api.patch(this.name, { metadata: { uid: this.uid, annotations } }, limits);
  }

  #take(lease: Lease | undefined): void {
    if (this.#dead) return;
    this.#sighting.see(heartbeat(lease, this.uid), this.#parts.clock.now());
    if (lease?.metadata.uid === this.uid) {
      this.#ttl = Math.max(this.#ttl, (lease.spec?.leaseDurationSeconds ?? 0) * 1_000);
      const found = voidAttempts(lease);
      if (found.size > this.#void.size) {
        this.#void = found;
        this.#listener.changed();
      }
      if (isBlank(lease) && isSession(lease)) {
        this.#die();
        return;
      }
    }
    this.#schedule();
  }

  #die(): void {
    this.#dead = true;
    this.stop();
    this.#listener.changed();
  }

  #schedule(): void {
    this.#cancelCheck();
    const since = this.#sighting.since;
    if (since === undefined || this.#dead || this.#interests === 0) return;
    const spread = (this.#turn + this.#parts.random()) * STAGGER_MS;
    const delay = since + this.#ttl + spread - this.#parts.clock.now();
    const wait = Math.max(1, this.#retry, delay);
    this.#cancelCheck = this.#parts.clock.schedule(wait, () => void this.#check());
  }

  /** The ttl has passed without a renewal seen: look once more with a read, then revoke. */
  async #check(): Promise<void> {
    if (this.#checking || this.#dead) return;
    this.#checking = true;
    try {
      const read = await this.#read();
      const since = this.#sighting.since;
      if (this.dead || since === undefined || !this.watched) return;
      if (this.#parts.clock.now() - since < this.#ttl) {
        this.#retry = 0;
        return;
      }
      // That it is missing is for a read to say: no compare-and-swap comes after it.
      if (read || this.#sighting.heartbeat !== 'missing') await this.#bury('unseen for a ttl');
      this.#retry = Math.min(MOST_RETRY_MS, Math.max(FIRST_RETRY_MS, this.#retry * 2));
    } finally {
      this.#checking = false;
      this.#schedule();
    }
  }

  async #read(
    signal?: AbortSignal,
  ): Promise<{ lease: Lease | undefined; serverTime: number | undefined } | undefined> {
    const outcome = await this.#view.read({ signal });
    if (outcome.kind === 'done') {
      this.#take(outcome.body);
      return { lease: outcome.body, serverTime: outcome.serverTime };
    }
    if (!isMissing(outcome)) return undefined;
    this.#take(undefined);
    return { lease: undefined, serverTime: undefined };
  }

  async #bury(proof: string): Promise<void> {
    if (this.#sighting.heartbeat === 'missing') this.#die();
    else await this.#revoke(proof);
  }

  /** By compare-and-swap on the version whose heartbeat was the old one. */
  async #revoke(proof: string): Promise<void> {
    const lease = this.#view.lease;
    const since = this.#sighting.since;
    if (!lease || since === undefined || lease.metadata.uid !== this.uid) return;
    if (heartbeat(lease, this.uid) !== this.#sighting.heartbeat) return;
    if (!isSession(lease)) {
      const detail = 'an entry names it as its session and it has not the role of one';
      this.#parts.observe({ type: 'unreadable', lease: this.name, detail });
      return;
    }
    const unseenMs = Math.round(this.#parts.clock.now() - since);
    const blank = blanked(lease, microTime(this.#parts.clock.wall()));
    const outcome = await this.#api.replace(blank, { fieldManager: REVOKER.waiter });
    if (outcome.kind !== 'done') {
      await this.#read();
      return;
    }
    const lock = this.#lock;
    this.#parts.observe({ type: 'session-revoked', session: this.name, lock, unseenMs, proof });
    this.#listener.revoked(outcome.body, this.#ttl);
    this.#take(outcome.body);
  }
}
