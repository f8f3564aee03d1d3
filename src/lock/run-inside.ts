import { Hold } from './held.ts';
import type { Held } from './held.ts';
import { inside } from './inside.ts';

/**
 * Runs the work of a `run` call: what it calls knows of these holds, and closing the client waits for it.
 *
 * @param holds - by what {@link inside} finds them by
 * @throws what `work` throws; LeaseholdError `LOST` when it returned although one of them had been lost
 */
export async function runInside<T>(
  holds: ReadonlyMap<object, Held>,
  work: () => T | Promise<T>,
): Promise<T> {
  const store = new Map(inside.getStore());
  for (const [place, held] of holds) {
    // One that shares the hold of a run around leaves that in its place.
    if (held instanceof Hold) store.set(place, held);
  }
  const working = inside.run(store, async () => work());
  for (const held of holds.values()) {
    if (held instanceof Hold) held.occupy(working);
  }
  const result = await working;
  for (const held of holds.values()) {
    // Asked while it is still ours to lose: a stalled event loop has not noticed the end yet.
    if (!held.valid && held instanceof Hold && held.loss) throw held.loss;
  }
  return result;
}
