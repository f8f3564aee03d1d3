import { randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import type { Case } from './case.ts';
import type { Server } from './server.ts';
import { normalise } from './transcript.ts';

/** Namespaces have the same names on both servers, as messages quote them. */
const run = randomUUID().slice(0, 8);
let count = 0;

/** Fails where the embedded server's answers differ from the real one's. */
export async function compare(conformance: Case, real: Server, embedded: Server): Promise<void> {
  count += 1;
  const namespace = `conformance-${run}-${String(count)}`;
  const [expected, found] = await Promise.all([
    real.run(conformance, namespace),
    embedded.run(conformance, namespace),
  ]);
  expect(expected.map(({ status }) => status)).toEqual(conformance.answers);
  expect(normalise(found)).toEqual(normalise(expected));
}

/** For `it.each`. */
export function named(cases: readonly Case[]): (readonly [name: string, conformance: Case])[] {
  return cases.map((conformance) => [conformance.name, conformance]);
}
