import { beforeAll } from 'vitest';
import { findHelm } from './helm.ts';

/** Of Helm, on a machine that has never built it. */
const BUILD_MS = 900_000;

/** Builds Helm before the tests of a file, if it is not there. */
export function useHelm(): void {
  beforeAll(async () => {
    await findHelm();
  }, BUILD_MS);
}
