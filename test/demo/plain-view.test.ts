import { describe, expect, it } from 'vitest';
import type { DemoEvent } from '../../demo/events.ts';
import { plainLines } from '../../demo/plain-view.ts';

const EVENTS: readonly DemoEvent[] = [
  { type: 'server', url: 'https://127.0.0.1:40953', kubeconfig: '/any/kubeconfig' },
  { type: 'started', worker: 'worker-1', pid: 12, replaced: undefined },
  { type: 'leads', worker: 'worker-1', fence: 65_536n },
  { type: 'holds', worker: 'worker-1', fence: 131_072n, queue: [], handover: undefined },
  {
    type: 'holds',
    worker: 'worker-2',
    fence: 196_608n,
    queue: ['worker-3', 'worker-1'],
    handover: { from: 'worker-1', ms: 4.06 },
  },
  { type: 'died', worker: 'worker-2', signal: 'SIGKILL', held: true, led: true },
  { type: 'started', worker: 'worker-6', pid: 17, replaced: 'worker-2' },
  { type: 'recovered', what: 'leadership', from: 'worker-2', worker: 'worker-1', ms: 3_051 },
  { type: 'ended', worker: 'worker-4' },
  { type: 'frozen', worker: 'worker-3' },
  { type: 'thawed', worker: 'worker-3', ms: 4_640 },
  { type: 'refused', worker: 'worker-3', what: 'account', fence: 196_608n, highest: 262_144n },
];

describe('the plain view', () => {
  it('tells each event in a line, and at first how to look on', () => {
    const lines = EVENTS.flatMap((event, index) => plainLines({ at: index * 6_150, event }));
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "0:00.0  API server at https://127.0.0.1:40953; 5 workers start
              ttl 3 s (15 s by default): about what a crash costs
              the same state from another terminal, in this directory:
                kubectl --kubeconfig /any/kubeconfig get leases -w
                npx node src/cli/main.ts ls --kubeconfig /any/kubeconfig
      0:06.1  worker-1 starts, pid 12
      0:12.3  worker-1 leads, fence 65536
      0:18.4  worker-1 holds the lock, fence 131072; nobody waits
      0:24.6  worker-2 holds the lock 4.1 ms after worker-1, fence 196608; next worker-3 worker-1
      0:30.7  worker-2 is killed (SIGKILL) while it holds the lock and leads
      0:36.9  worker-6 starts, pid 17, for worker-2
      0:43.0  RECOVERED in 3.1 s: the leadership of worker-2 goes to worker-1
      0:49.2  worker-4 ends in order, as its Pod was deleted
      0:55.3  worker-3 is frozen (SIGSTOP) while it holds the lock, about to write
      1:01.5  worker-3 goes on (SIGCONT) after 4.6 s, and writes
      1:07.6  REFUSED: the write of worker-3, its fence 196608 is below 262144"
    `);
  });
});
