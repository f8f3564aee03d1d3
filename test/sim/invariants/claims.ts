import { Violation } from './violation.ts';

/** A right that somebody was granted: to hold a lock, or to lead. */
export interface Claim {
  /** Of the lock or election. */
  readonly name: string;
  readonly who: string;
  readonly fence: bigint;
  /** Whether its process relies on it at this moment of true time; asking changes nothing. */
  isRelied(): boolean;
  /** Taken away by a person: until its process learns of that, only the fence protects. */
  readonly isStolen: boolean;
}

interface Standing {
  /** Who was granted it last. */
  who: string;
  /** That grant, until it has ended. */
  newest: Claim | undefined;
  fence: bigint;
  count: number;
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
    const { name, fence } = claim;
    const last = this.#standing.get(name);
    const count = (last?.count ?? 0) + 1;
    this.#eras.set(claim, this.#era);
    // Taken away before its process has learnt of the grant: others may have been granted it since.
    if (claim.isStolen) {
      this.#followed.add(claim);
      this.#taken.add(claim);
      return;
    }
    this.#orders.set(claim, count);
    if (last) {
      if (fence <= last.fence && this.#restores === 0) {
        const before = `${String(last.fence)} of ${last.who}`;
        throw new Violation('fence', `${name}: ${String(fence)} of ${claim.who} after ${before}`);
      }
      if (last.newest) this.#followed.add(last.newest);
    }
    // Granted before a restore and learnt of after it, a fence is higher than those that follow.
    const least = this.#restores > 0 ? -1n : fence;
    this.#standing.set(name, { who: claim.who, newest: claim, fence: least, count });
    this.check();
  }

  /** Given up, or known to be lost. */
  ended(claim: Claim): void {
    this.#followed.delete(claim);
    this.#unaware.delete(claim);
    const last = this.#standing.get(claim.name);
    if (last?.newest === claim) last.newest = undefined;
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
    return this.#standing.get(name)?.newest?.isRelied() ?? false;
  }

  /**
   * etcd has been restored: two may hold, and fences may fall back.
   *
   * @returns to be called when that has to be over
   */
  forgive(): () => void {
    this.#restores += 1;
    for (const standing of this.#standing.values()) standing.fence = -1n;
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
    const newest = [...this.#standing.values()].flatMap((standing) => standing.newest ?? []);
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
    const other = standing.newest;
    if (other && !other.isStolen && other.isRelied()) return false;
    if (other) this.#followed.add(other);
    this.#followed.delete(claim);
    this.#orders.set(claim, standing.count);
    this.#standing.set(claim.name, { ...standing, who: claim.who, newest: claim });
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
  }
}
