import { describe, expect, test } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import type { Line } from './history.ts';
import { history, rules } from './recorded.ts';

describe('leftovers', () => {
  const session = 'w0-1-12345678';
  const lines: Line[] = [{ type: 'closed', at: 2_000 }];
  const left = (role: string, name: string, holderIdentity: string): string[] => {
    const lease: Lease = {
      metadata: { name, labels: { 'leasehold.dev/role': role } },
      spec: { holderIdentity },
    };
    return rules([history('w0.1', lines)], { leases: [lease] });
  };

  test('a lock is never left', () => {
    expect(left('lock', 'a', session)).toEqual(['leftover']);
  });

  test('a session is left only by a process that was killed, or by revocation', () => {
    expect(left('session', session, 'w0')).toEqual(['leftover']);
    expect(left('session', session, '')).toEqual([]);
    expect(left('session', 'w9-1-87654321', 'w9')).toEqual([]);
  });
});
