import { beforeAll } from 'vitest';
import { findKubectl } from '../cluster/binaries.ts';
import { findHelm } from './helm.ts';

/** On a machine that has never built them. */
const BUILD_MS = 900_000;

/** Builds Helm and kubectl before the tests of a file, if they are not there. */
export function useTools(): void {
  beforeAll(async () => {
    await findHelm();
    await findKubectl();
  }, BUILD_MS);
}
