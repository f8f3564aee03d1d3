import type { VirtualTime } from '../../../src/testing/virtual/time.ts';
import type { Host } from '../../../src/testing/virtual/host.ts';

/** Something that must hold does not. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: string;

  /** @param invariant - what must hold, in some words */
  constructor(invariant: string, message: string) {
    super(message);
    this.invariant = invariant;
  }
}

/** What the checker asks of a hold or of a term of leadership. */
export interface Claim {
  readonly fence: bigint;
  readonly valid: boolean;
}

interface Tracked {
  readonly claim: Claim;
  readonly host: Host;
  readonly who: string;
}

/**
 * What must hold at every moment: no two valid holds of one name, and fences that strictly grow.
 * A claim is asked only when there are several, as asking may itself make a process notice a loss.
 */
export class Invariants {
  readonly #claims = new Map<string, Tracked[]>();
  readonly #fences = new Map<string, bigint>();
  readonly #time: VirtualTime;
  grants = 0;

  constructor(time: VirtualTime) {
    this.#time = time;
    time.afterStep(() => this.check());
  }

  granted(name: string, claim: Claim, host: Host, who: string): void {
    this.grants += 1;
    const last = this.#fences.get(name);
    if (last !== undefined && claim.fence <= last) {
      throw this.#broken(
        'fences grow',
        `${name}: fence ${String(claim.fence)} of ${who} after ${String(last)}`,
      );
    }
    this.#fences.set(name, claim.fence);
    const claims = this.#claims.get(name) ?? [];
    claims.push({ claim, host, who });
    this.#claims.set(name, claims);
    this.check();
  }

  given(name: string, claim: Claim): void {
    const claims = this.#claims.get(name) ?? [];
    const rest = claims.filter((tracked) => tracked.claim !== claim);
    this.#claims.set(name, rest);
  }

  check(): void {
    for (const [name, claims] of this.#claims) {
      if (claims.length < 2) continue;
      const alive = claims.filter(({ claim, host }) => host.state !== 'crashed' && claim.valid);
      if (alive.length > 1) {
        const who = alive.map((one) => one.who).join(' and ');
        throw this.#broken('no two holders', `${name} is held by ${who}`);
      }
      this.#claims.set(name, alive);
    }
  }

  #broken(invariant: string, what: string): Violation {
    return new Violation(invariant, `at ${String(this.#time.now)}: ${what}`);
  }
}
