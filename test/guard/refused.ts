import { expect } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import type { Answer, Guarded } from './guarded.ts';

/** Refused by the guard itself, and nothing of the Lease has moved. */
export async function expectRefused(
  guarded: Guarded,
  before: Lease,
  answer: Answer,
  rule = '',
): Promise<void> {
  expect(answer.body.message).toContain(`leasehold-guard/${rule}`);
  expect([403, 422]).toContain(answer.status);
  expect(await guarded.read(before.metadata.name)).toEqual(before);
}
