import { Violation } from './violation.ts';

/** A right that somebody was granted: to hold a lock, or to lead. */
export interface Claim {
  /** Of the lock or election. */
  readonly name: string;
  readonly who: string;
  readonly fence: bigint;
  /** Whether its process relies on it at this moment of true time; asking changes nothing. */
  isRelied(): boolean;
  /** Beside which others it may hold; alone if undefined. */
  readonly beside?: Company;
  /** Taken away by a person: until its process learns of that, only the fence protects. */
  readonly isStolen: boolean;
}

/** Those who may hold at the same time. */
interface Company {
  readonly mode: 'shared' | 'permit';
  /** Of permits: its own, and how many there are in all. */
  readonly weight: number;
  readonly limit: number;
}

/** Those who were granted last: one, or a company. */
interface Standing {
  /** Who was the last of them. */
  who: string;
  /** Which mode they have; undefined of one that is alone. */
  readonly mode: Company['mode'] | undefined;
  /** Those grants, until they have ended. */
  readonly newest: Set<Claim>;
  /** The highest, and that of all who were before them. */
  fence: bigint;
  floor: bigint;
  readonly count: number;
}

/**
 * No two claims of one name at the same time, and fences that strictly grow. What was granted earlier
 * may never be relied on again once somebody else was granted the same: so it is enough to look at
 * claims that have been followed.
 */
export class Claims {
  readonly #standing = new Map<string, Standing>();
  readonly #followed = new Set<Claim>();
  /** Those that a person has taken away, be it for a while. */
  readonly #taken = new WeakSet<Claim>();
  readonly #orders = new WeakMap<Claim, number>();
  /** How many restores of etcd had been digested when it was granted. */
  readonly #eras = new WeakMap<Claim, number>();
  /** Since when somebody is known to rely on what a person took away. */
  readonly #unaware = new Map<Claim, number>();
  /** How many restores of etcd are not digested yet: until then two may hold. */
  #restores = 0;
  #era = 0;
  grants = 0;

  /** @throws Violation `fence`, `overlap` */
  granted(claim: Claim): void {
    this.grants += 1;
    const { name, fence, who } = claim;
    const last = this.#standing.get(name);
    const mode = claim.beside?.mode;
    const joins = last !== undefined && mode !== undefined && last.mode === mode;
    const count = (last?.count ?? 0) + (joins ? 0 : 1);
    this.#eras.set(claim, this.#era);
    // Taken away before its process has learnt of the grant: others may have been granted it since.
    if (claim.isStolen) {
      this.#followed.add(claim);
      this.#taken.add(claim);
      return;
    }
    this.#orders.set(claim, count);
    const highest = joins ? last.floor : (last?.fence ?? -1n);
    if (last && fence <= highest && this.#restores === 0) {
      const before = `${String(highest)} of ${last.who}`;
      throw new Violation('fence', `${name}: ${String(fence)} of ${who} after ${before}`);
    }
    // Granted before a restore and learnt of after it, a fence is higher than those that follow.
    const least = this.#restores > 0 ? -1n : fence;
    if (joins) {
      last.newest.add(claim);
      last.who = who;
      if (least > last.fence) last.fence = least;
    } else {
      for (const earlier of last?.newest ?? []) this.#followed.add(earlier);
      const newest = new Set([claim]);
      this.#standing.set(name, { who, mode, newest, fence: least, floor: highest, count });
    }
    this.check();
  }

  /** Given up, or known to be lost. */
  ended(claim: Claim): void {
    this.#followed.delete(claim);
    this.#unaware.delete(claim);
    this.#standing.get(claim.name)?.newest.delete(claim);
  }

  /**
   * Its process has asked whether it still stands, and was told so.
   *
   * @throws Violation `overlap` when somebody was granted the same since then
   */
  used(claim: Claim): void {
    if (this.#restores > 0 || claim.isStolen) return;
    const last = this.#standing.get(claim.name);
    const order = this.orderOf(claim);
    if (!last || order === undefined || order >= last.count) return;
    throw new Violation('overlap', `${claim.name}: ${claim.who} works, after ${last.who}`);
  }

  /** Which grant of its name it is: 1 for the first. Undefined for one that was taken away before. */
  orderOf(claim: Claim): number | undefined {
    return this.#orders.get(claim);
  }

  /** Granted before a restore of etcd had been digested: its fence may be higher than those that follow. */
  isForgiven(claim: Claim): boolean {
    return this.#restores > 0 || this.#eras.get(claim) !== this.#era;
  }

  /** Whether anybody relies on the name at this moment. */
  isRelied(name: string): boolean {
    return [...(this.#standing.get(name)?.newest ?? [])].some((claim) => claim.isRelied());
  }

  /**
   * etcd has been restored: two may hold, and fences may fall back.
   *
   * @returns to be called when that has to be over
   */
  forgive(): () => void {
    this.#restores += 1;
    for (const standing of this.#standing.values()) {
      standing.fence = -1n;
      standing.floor = -1n;
    }
    return () => {
      this.#restores -= 1;
      this.#era += 1;
    };
  }

  /**
   * Looks, once in a while, for those who have not noticed that a person took away what they hold.
   *
   * @param since - the moment from which on it counts
   * @throws Violation `steal-unnoticed` when somebody has not for longer than `most`
   */
  look(now: number, since: number, most: number): void {
    const newest = [...this.#standing.values()].flatMap((standing) => [...standing.newest]);
    for (const claim of [...this.#followed, ...newest]) {
      if (!claim.isStolen || !claim.isRelied()) {
        this.#unaware.delete(claim);
        continue;
      }
      const from = this.#unaware.get(claim) ?? now;
      this.#unaware.set(claim, from);
      const unaware = Math.round(now - Math.max(from, since));
      if (unaware <= most) continue;
      const lost = `${claim.name}: ${claim.who} works on`;
      throw new Violation('steal-unnoticed', `${lost} for ${String(unaware)} ms`);
    }
  }

  /**
   * Whether what a person took from it is its own again, by a request that came late, as nobody has it: then
   * it is as one that was granted last.
   */
  #isBack(claim: Claim): boolean {
    const standing = this.#standing.get(claim.name);
    if (!this.#taken.has(claim) || !standing) return false;
    if ([...standing.newest].some((other) => !other.isStolen && other.isRelied())) return false;
    for (const earlier of standing.newest) this.#followed.add(earlier);
    this.#followed.delete(claim);
    this.#orders.set(claim, standing.count);
    const { who, beside } = claim;
    this.#standing.set(claim.name, {
      ...standing,
      who,
      mode: beside?.mode,
      newest: new Set([claim]),
    });
    return true;
  }

  /** @throws Violation `overlap` */
  check(): void {
    if (this.#restores > 0) return;
    for (const claim of this.#followed) {
      if (claim.isStolen) this.#taken.add(claim);
      if (claim.isStolen || !claim.isRelied() || this.#isBack(claim)) continue;
      const next = this.#standing.get(claim.name)?.who;
      throw new Violation('overlap', `${claim.name}: ${claim.who} and ${next ?? 'another'}`);
    }
    for (const [name, { mode, newest }] of this.#standing) {
      if (mode === 'permit') checkPermits(name, [...newest]);
    }
  }
}

/** What was taken away by a person is not there any more, whoever relies on it. */
function checkPermits(name: string, claims: readonly Claim[]): void {
  const relied = claims.filter((claim) => !claim.isStolen && claim.isRelied());
  const sum = relied.reduce((total, { beside }) => total + (beside?.weight ?? 0), 0);
  const limit = Math.max(0, ...relied.map(({ beside }) => beside?.limit ?? 0));
  if (sum > limit) {
    throw new Violation('overlap', `${name}: ${String(sum)} of ${String(limit)} permits`);
  }
}
