import { afterEach, beforeEach, expect } from 'vitest';

/**
 * How many cases a property is tried with, and which: the same each time, unless `FUZZ` says how many
 * times as many; then others each time, or those of `FUZZ_SEED`.
 */
export function cases(count: number): { numRuns: number; seed?: number } {
  const { FUZZ, FUZZ_SEED } = process.env;
  const seed = FUZZ_SEED ?? (FUZZ === undefined ? '1' : undefined);
  return {
    numRuns: Math.ceil(count * Number(FUZZ ?? '1')),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  };
}

/** For what runs for as long as it is asked to. */
export const FUZZ_TIMEOUT = 60_000 * Number(process.env.FUZZ ?? '1');

/** A failure that nobody handles would end the process of an application: no test may cause one. */
export function expectNoCrash(): void {
  const crashes: unknown[] = [];
  const note = (error: unknown): void => void crashes.push(error);
  beforeEach(() => {
    crashes.length = 0;
    process.on('unhandledRejection', note);
    process.on('uncaughtException', note);
  });
  afterEach(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    process.off('uncaughtException', note);
    expect(crashes).toEqual([]);
  });
}
