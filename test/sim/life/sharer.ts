import type { Barrier } from '../../../src/barrier/barrier.ts';
import { isLeaseholdError } from '../../../src/core/errors.ts';
import type { LeaseholdErrorCode } from '../../../src/core/errors.ts';
import type { Latch } from '../../../src/latch/latch.ts';
import { Counted } from '../invariants/counted.ts';
import type { Dice } from '../world/dice.ts';
import type { VirtualProcess } from '../world/process.ts';
import type { World } from '../world/world.ts';
import { Violation } from '../invariants/violation.ts';
import { sleep } from './work.ts';

/** What is to be expected of whoever has not the patience, or is closed. */
const GIVEN_UP: readonly LeaseholdErrorCode[] = ['TIMEOUT', 'ABORTED', 'CLOSED'];
export const COUNTER = 'counter';
/** How often a latch has to be counted down. */
export const LATCH_COUNT = 12;

/** What all processes of a world have been told of what they share. */
export class Shared {
  readonly counted = new Counted(COUNTER);
  /** Of each latch, by how much it may have been counted down, and by how much it was. */
  readonly #latches = new Map<string, { possible: number; sure: number }>();

  latch(name: string): { possible: number; sure: number } {
    let latch = this.#latches.get(name);
    if (!latch) this.#latches.set(name, (latch = { possible: 0, sure: 0 }));
    return latch;
  }
}

/** Adds to a counter, and says what became of it. What dies on the way is unknown until then. */
export async function addSome(
  world: World,
  process: VirtualProcess,
  { counted }: Shared,
  dice: Dice,
): Promise<void> {
  const counter = process.shared.counter(COUNTER);
  const n = 1 + dice.below(9);
  const options = dice.chance(0.4) ? { timeout: dice.mostlyShort(20_000) } : {};
  let isDone = false;
  try {
    if (dice.chance(0.8)) {
      const to = await known(process, counted, n, () => counter.add(n, options));
      counted.acknowledged(to - n, to, process.name);
    } else {
      const from = await counter.get(options);
      const isSet = await known(process, counted, n, () =>
        counter.compareAndSet(from, from + n, options),
      );
      if (isSet) counted.acknowledged(from, from + n, process.name);
    }
    isDone = true;
  } catch (error) {
    tolerate(error);
  }
  if (isDone) world.operations += 1;
}

/** Unknown while it is under way and if it stays so. */
async function known<T>(
  process: VirtualProcess,
  counted: Counted,
  n: number,
  call: () => Promise<T>,
): Promise<T> {
  counted.unknown(n, process.name);
  try {
    const result = await call();
    counted.unknown(-n, process.name);
    return result;
  } catch (error) {
    // Whoever is told so is told for sure.
    if (!isLeaseholdError(error, 'UNKNOWN_OUTCOME')) counted.unknown(-n, process.name);
    throw error;
  }
}

/** Counts a latch down once. */
export async function countDown(
  latch: Latch,
  shared: Shared,
  timeout: number | undefined,
): Promise<void> {
  const told = shared.latch(latch.name);
  told.possible += 1;
  try {
    await latch.countDown(1, timeout === undefined ? {} : { timeout });
    told.sure += 1;
  } catch (error) {
    if (!isLeaseholdError(error, 'UNKNOWN_OUTCOME')) told.possible -= 1;
    tolerate(error);
  }
}

/** Waits for a latch, and looks whether it may be open. */
export async function passLatch(latch: Latch, shared: Shared): Promise<void> {
  try {
    await latch.wait();
  } catch (error) {
    tolerate(error);
    return;
  }
  const { possible } = shared.latch(latch.name);
  if (possible >= latch.size) return;
  const counted = `${latch.name} was counted down by ${String(possible)} at most`;
  throw new Violation('passed-early', counted);
}

/** One party of a barrier, again and again; one of them begins anew where it is broken. */
export async function meet(
  world: World,
  process: VirtualProcess,
  barrier: Barrier,
  dice: Dice,
  how: { readonly resets: boolean; readonly goesOn: () => boolean; readonly meetings: Meetings },
): Promise<void> {
  while (how.goesOn()) {
    await sleep(process, dice.mostlyShort(2_000));
    const options = dice.chance(0.3) ? { timeout: dice.mostlyShort(20_000) } : {};
    const since = world.time.now;
    const code = await how.meetings.arriving(process.name, () => barrier.arrive(options));
    if (code === undefined) {
      how.meetings.passed(process.name, since);
      world.operations += 1;
    } else if (code === 'CLOSED') {
      return;
    } else if (how.resets) {
      await barrier.reset({ timeout: 5_000 }).catch(tolerate);
    }
  }
}

/** What is seen of a barrier: who is on the way to it, and who was in each generation that was full. */
export class Meetings {
  readonly #arriving = new Map<string, number>();
  /** In doubt, or so late that it could not be waited for that its entry is gone. */
  readonly #excused = new Set<string>();
  readonly #full: { readonly at: number; readonly members: readonly string[] }[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** The code of the error, if there was one. */
  async arriving(who: string, arrive: () => Promise<void>): Promise<string | undefined> {
    this.#arriving.set(who, (this.#arriving.get(who) ?? 0) + 1);
    const since = this.#world.time.now;
    try {
      await arrive();
      return undefined;
    } catch (error) {
      if (!isLeaseholdError(error)) throw error;
      // Five seconds to tell the others are over.
      const isGivenUp = [...GIVEN_UP, 'LOST'].includes(error.code);
      if (isGivenUp && this.#world.time.now - since >= 4_000) this.#excused.add(who);
      if (error.code === 'UNKNOWN_OUTCOME') this.#excused.add(who);
      return error.code;
    } finally {
      this.#arriving.set(who, (this.#arriving.get(who) ?? 0) - 1);
    }
  }

  /** Somebody is in the record from now on. */
  entered(who: string): void {
    if ((this.#arriving.get(who) ?? 0) > 0 || this.#excused.has(who)) return;
    throw new Violation('arrived-late', `${who} had given up`);
  }

  full(members: readonly string[], parties: number): void {
    // Of one whose entry could not be taken out, it may still be there when it comes again.
    const isTwice = members.some(
      (who, index) => members.indexOf(who) !== index && !this.#excused.has(who),
    );
    if (members.length !== parties || isTwice) {
      throw new Violation('passed-early', `only ${members.join(', ')} had arrived`);
    }
    this.#full.push({ at: this.#world.time.now, members });
  }

  /** @throws Violation unless all had arrived together with it since then */
  passed(who: string, since: number): void {
    const is = this.#full.some(({ at, members }) => at >= since && members.includes(who));
    if (!is) throw new Violation('passed-early', `${who} passed and not all had arrived`);
  }
}

/** What does not go wrong by itself is a mistake. */
function tolerate(error: unknown): void {
  const codes: readonly string[] = [...GIVEN_UP, 'UNKNOWN_OUTCOME', 'BROKEN', 'LOST'];
  if (isLeaseholdError(error) && codes.includes(error.code)) return;
  throw error;
}
