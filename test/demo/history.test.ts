import { describe, expect, it } from 'vitest';
import { History } from '../../demo/history.ts';
import type { Seen } from '../../demo/history.ts';
import { summaryLines } from '../../demo/summary.ts';

function seen(at: number, worker: string, kind: Seen['kind'], fence: bigint): Seen {
  return {
    at,
    worker,
    kind,
    fence,
    resource: 'account',
    valid: true,
    accepted: true,
    contended: true,
  };
}

describe('the history of the demo', () => {
  it('counts a handover from the last write of one holder to the start of the next', () => {
    const history = new History();
    history.record(seen(0, 'a', 'open', 1n));
    history.record(seen(100, 'a', 'write', 1n));
    expect(history.record(seen(104, 'b', 'open', 2n))).toMatchObject({
      began: { worker: 'b', fence: 2n },
      handover: { from: 'a', ms: 4 },
    });
    expect(history.figures()).toMatchObject({ handoversMs: [4], overlaps: 0 });
  });

  it('counts none when nobody waited, or the holder did not come to its end', () => {
    const history = new History();
    history.record({ ...seen(0, 'a', 'write', 1n), contended: false });
    history.record(seen(50, 'b', 'open', 2n));
    history.record(seen(60, 'c', 'open', 3n));
    expect(history.figures().handoversMs).toEqual([]);
  });

  it('counts from a crash to the next holder', () => {
    const history = new History();
    history.record(seen(0, 'a', 'open', 1n));
    history.interrupt({ how: 'killed', worker: 'a', resource: 'account', at: 50 });
    expect(history.isOpen('a')).toBe(true);
    const { recovered } = history.record(seen(3_050, 'b', 'open', 2n));
    expect(recovered).toMatchObject([{ worker: 'a', recoveredMs: 3_000 }]);
    expect(history.isOpen('a')).toBe(false);
    expect(history.figures().handoversMs).toEqual([]);
  });

  it('takes a late write for stale, and for an overlap only if its sender was told that it holds', () => {
    const history = new History();
    history.record(seen(0, 'a', 'read', 1n));
    history.record(seen(10, 'b', 'open', 2n));
    history.record({ ...seen(20, 'a', 'write', 1n), valid: false, accepted: false });
    expect(history.figures()).toMatchObject({ staleRefused: 1, overlaps: 0 });
    history.record({ ...seen(30, 'a', 'write', 1n), accepted: false });
    expect(history.figures()).toMatchObject({ staleRefused: 2, overlaps: 1 });
  });

  it('takes two holders with one token for an overlap', () => {
    const history = new History();
    history.record(seen(0, 'a', 'open', 1n));
    history.record(seen(1, 'b', 'open', 1n));
    expect(history.figures().overlaps).toBe(1);
  });

  it('comes to a summary', () => {
    const history = new History();
    history.record(seen(0, 'a', 'write', 1n));
    history.record(seen(4, 'b', 'open', 2n));
    history.interrupt({ how: 'killed', worker: 'b', resource: 'account', at: 50 });
    history.record(seen(3_250, 'a', 'open', 3n));
    history.interrupt({ how: 'frozen', worker: 'a', resource: 'account', at: 3_300 });
    expect(summaryLines(history.figures()).join('\n')).toMatchInlineSnapshot(`
      "  1 handover  median 4.0 ms, from one holder's last write to the next one's start
        1 crash     lock taken over after 3.2 s
        1 freeze    1 of them not yet recovered at the end
        0 refused   late writes of former holders, by their fencing tokens
        0 overlaps  of holders, in 3 operations that the protected resources saw"
    `);
  });
});
