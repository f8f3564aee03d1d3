import { beforeAll } from 'vitest';
import { Guarded } from './guarded.ts';
import type { Pod } from './guarded.ts';

/** There from `beforeAll` on, in a file of tests that calls {@link useCast}. */
export let guarded: Guarded;
export let victim: Pod;
export let thief: Pod;

/** A guarded namespace for the tests of one file, a pod that holds there, and one that may not. */
export function useCast(): void {
  beforeAll(async () => {
    guarded = await Guarded.open();
    [victim, thief] = await Promise.all([guarded.pod('victim'), guarded.pod('thief')]);
    return () => guarded[Symbol.asyncDispose]();
  });
}
