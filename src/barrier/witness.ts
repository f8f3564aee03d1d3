import type { Clock } from '../core/clock.ts';
import { parseEntry } from '../core/entry.ts';
import type { Entry } from '../core/entry.ts';
import type { Deaths } from '../session/deaths.ts';
import type { Session } from '../session/session.ts';

/** Most barriers trip sooner: only then is it worth watching sessions. */
const OBSERVE_AFTER_MS = 1_000;
/**
 * Of the others in a ring, so many that come next are observed: so the first of any that died one after the
 * other has somebody who lives before it, and the cost of a party does not grow with their number.
 */
const OBSERVED = 2;

/** What one party does for all while it waits: sees to it that the death of another is noticed. */
export class Witness {
  readonly #deaths: Deaths;
  readonly #barrier: string;
  readonly #id: string;
  readonly #session: Session;
  readonly #died: (id: string) => void;
  readonly #unsubscribe: () => void;
  readonly #cancelTimer: () => void;
  readonly #followed = new Map<string, () => void>();
  readonly #told = new Set<string>();
  #others: readonly Entry[] = [];
  #isWatching = false;

  /** @param died - told once of each party that has died */
  constructor(
    { deaths, clock }: { readonly deaths: Deaths; readonly clock: Clock },
    barrier: string,
    own: { readonly id: string; readonly session: Session },
    died: (id: string) => void,
  ) {
    this.#deaths = deaths;
    this.#barrier = barrier;
    this.#id = own.id;
    this.#session = own.session;
    this.#died = died;
    this.#unsubscribe = deaths.subscribe(() => this.#tell());
    this.#cancelTimer = clock.schedule(Math.min(OBSERVE_AFTER_MS, own.session.ttl * 100), () => {
      this.#isWatching = true;
      this.#follow();
    });
  }

  /** Takes in who has arrived. */
  see(arrived: ReadonlyMap<string, string>): void {
    const others = [...arrived].flatMap(([id, text]) => parseEntry(id, text) ?? []);
    // What this process itself stands for dies with it.
    this.#others = others.filter(({ session }) => session !== this.#session.name);
    this.#tell();
    if (this.#isWatching) this.#follow();
  }

  stop(): void {
    this.#unsubscribe();
    this.#cancelTimer();
    for (const unfollow of this.#followed.values()) unfollow();
    this.#followed.clear();
  }

  #tell(): void {
    for (const entry of this.#others) {
      if (this.#told.has(entry.id) || !this.#deaths.isDead(entry)) continue;
      this.#told.add(entry.id);
      this.#died(entry.id);
    }
  }

  #follow(): void {
    const wanted = this.#next();
    for (const [id, unfollow] of this.#followed) {
      if (wanted.some((entry) => entry.id === id)) continue;
      unfollow();
      this.#followed.delete(id);
    }
    for (const [turn, entry] of wanted.entries()) {
      if (this.#followed.has(entry.id)) continue;
      this.#followed.set(entry.id, this.#deaths.follow(entry, this.#barrier, turn));
    }
  }

  /** Those who come next in the ring, each process once. */
  #next(): Entry[] {
    const sorted = [...this.#others].sort((a, b) => (a.id < b.id ? -1 : 1));
    const at = sorted.findIndex(({ id }) => id > this.#id);
    const ring = at < 0 ? sorted : [...sorted.slice(at), ...sorted.slice(0, at)];
    const bySession = new Map<string, Entry>();
    for (const entry of ring) {
      if (!bySession.has(entry.session)) bySession.set(entry.session, entry);
    }
    return [...bySession.values()].slice(0, OBSERVED);
  }
}
