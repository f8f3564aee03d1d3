import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FUZZ_TIMEOUT, cases } from './budget.ts';
import { SharedLock, mayHoldTogether, steps } from './settlers.ts';

describe('settlers of one lock', () => {
  it(
    'never harm who lives, whatever each has read and knows, and come to one state in the end',
    { timeout: FUZZ_TIMEOUT },
    () => {
      fc.assert(
        fc.property(fc.commands(steps, { maxCommands: 60, size: 'max' }), (commands) => {
          const lock = new SharedLock();
          fc.modelRun(() => ({ model: {}, real: lock }), commands);

          // All have heard of all; what was void is known to be so.
          const [first, ...others] = lock.known.keys();
          for (const [settler, known] of lock.known.entries()) {
            for (const dead of lock.dead) known.add(dead);
            lock.learnVoid(settler);
          }
          for (const settler of [...others, first ?? 0]) {
            lock.look(settler);
            lock.write(settler);
            lock.check();
          }
          const { record } = lock;
          if (!record) return;
          const version = record.version;
          for (const settler of lock.known.keys()) {
            lock.look(settler);
            lock.write(settler);
          }
          expect(lock.record?.version).toBe(version);
          // Nobody waits while nobody holds, nor who could hold beside those who do.
          const holders = lock.live(record.holders);
          expect(holders.length).toBeGreaterThan(0);
          const next = lock.live(record.queue).slice(0, 1);
          if (next.length > 0) expect(mayHoldTogether([...holders, ...next])).toBe(false);
          const everybody = [...record.holders, ...record.queue];
          expect(lock.live(everybody)).toHaveLength(everybody.length);
        }),
        cases(400),
      );
    },
  );
});
