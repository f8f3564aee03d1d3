import { describe, expect, it } from 'vitest';
import type { Board } from '../../demo/board.ts';
import { liveFrame } from '../../demo/live-frame.ts';
import type { Paint } from '../../src/cli/output/paint.ts';

const plain: Paint = (_colour, text) => text;
const SCREEN = { columns: 80, rows: 24 };

const calm: Board = {
  elapsed: 18_400,
  total: 60_000,
  ttlSeconds: 3,
  kubeconfig: '/any/leasehold-demo-a1B2c3/kubeconfig',
  workers: [
    { name: 'worker-1', pid: 15_745, state: 'running', turns: 5 },
    { name: 'worker-6', pid: 15_880, state: 'starting', turns: 0 },
    { name: 'worker-3', pid: 15_754, state: 'running', turns: 1 },
    { name: 'worker-4', pid: 15_755, state: 'running', turns: 4 },
    { name: 'worker-5', pid: 15_757, state: 'running', turns: 5 },
  ],
  lock: {
    holder: 'worker-5',
    state: 'running',
    heldMs: 240,
    fence: 12_845_056n,
    queue: ['worker-4', 'worker-1'],
  },
  leader: { leader: 'worker-1', state: 'running', ledMs: 18_020, term: 1 },
  account: { deposits: 20, medianHandoverMs: 8.44, staleRefused: 1, overlaps: 0 },
  events: [
    { at: 0, event: { type: 'server', url: 'https://127.0.0.1:1', kubeconfig: 'kubeconfig' } },
    {
      at: 11_000,
      event: { type: 'died', worker: 'worker-2', signal: 'SIGKILL', held: true, led: false },
    },
    {
      at: 12_000,
      event: { type: 'started', worker: 'worker-6', pid: 15_880, replaced: 'worker-2' },
    },
    {
      at: 14_100,
      event: { type: 'recovered', what: 'lock', from: 'worker-2', worker: 'worker-5', ms: 3_102 },
    },
    {
      at: 14_100,
      event: { type: 'holds', worker: 'worker-5', fence: 1n, queue: [], handover: undefined },
    },
    {
      at: 15_800,
      event: {
        type: 'refused',
        worker: 'worker-3',
        what: 'account',
        fence: 7_864_320n,
        highest: 10_420_224n,
      },
    },
  ],
};

const struck: Board = {
  ...calm,
  workers: calm.workers.map((worker) =>
    worker.name === 'worker-5' ? { ...worker, state: 'frozen' } : worker,
  ),
  lock: { ...calm.lock, state: 'frozen', queue: [] },
  leader: { leader: 'worker-2', state: 'dead', ledMs: 1_000, term: 1 },
};

const nothing: Board = {
  ...calm,
  elapsed: 0,
  workers: [],
  lock: { holder: undefined, state: 'dead', heldMs: undefined, fence: undefined, queue: [] },
  leader: undefined,
  account: { deposits: 0, medianHandoverMs: undefined, staleRefused: 0, overlaps: 0 },
  events: [],
};

function frame(board: Board): string {
  return liveFrame(board, SCREEN, plain).join('\n');
}

describe('the live view', () => {
  it('tells on one screen who holds, waits and leads, and what has happened', () => {
    expect(frame(calm)).toMatchInlineSnapshot(`
      "leasehold demo  5 processes share a lock and elect a leader         0:18 of 1:00

      lock      worker-5 holds it for 0.2 s, fence 12845056
      next      worker-4, worker-1
      leader    worker-1 leads for 18.0 s, term 1

      worker-1  pid 15745    5 turns   leads  waits, number 2
      worker-6  pid 15880    0 turns          starts
      worker-3  pid 15754    1 turn           rests
      worker-4  pid 15755    4 turns          waits, number 1
      worker-5  pid 15757    5 turns          HOLDS THE LOCK

      account   20 deposits, each by the holder alone: 0 overlaps
                1 late write refused; a handover takes 8.4 ms (median)

      0:11.0  worker-2 is killed (SIGKILL) while it holds the lock
      0:12.0  worker-6 starts, pid 15880, for worker-2
      0:14.1  RECOVERED in 3.1 s: the lock of worker-2 goes to worker-5
      0:15.8  REFUSED: the write of worker-3, its fence 7864320 is below 10420224


      ttl 3 s (usually 15 s). Ctrl-C ends. From another terminal in this directory:
      kubectl --kubeconfig /any/leasehold-demo-a1B2c3/kubeconfig get leases -w
      npx node src/cli/main.ts ls --kubeconfig /any/leasehold-demo-a1B2c3/kubeconfig"
    `);
  });

  it('tells that a holder is frozen, and a leader dead', () => {
    expect(frame(struck)).toMatchInlineSnapshot(`
      "leasehold demo  5 processes share a lock and elect a leader         0:18 of 1:00

      lock      worker-5 is frozen and holds it until its ttl is over
      next      nobody waits
      leader    worker-2 is dead and leads until its ttl is over

      worker-1  pid 15745    5 turns          rests
      worker-6  pid 15880    0 turns          starts
      worker-3  pid 15754    1 turn           rests
      worker-4  pid 15755    4 turns          rests
      worker-5  pid 15757    5 turns          FROZEN while it holds the lock

      account   20 deposits, each by the holder alone: 0 overlaps
                1 late write refused; a handover takes 8.4 ms (median)

      0:11.0  worker-2 is killed (SIGKILL) while it holds the lock
      0:12.0  worker-6 starts, pid 15880, for worker-2
      0:14.1  RECOVERED in 3.1 s: the lock of worker-2 goes to worker-5
      0:15.8  REFUSED: the write of worker-3, its fence 7864320 is below 10420224


      ttl 3 s (usually 15 s). Ctrl-C ends. From another terminal in this directory:
      kubectl --kubeconfig /any/leasehold-demo-a1B2c3/kubeconfig get leases -w
      npx node src/cli/main.ts ls --kubeconfig /any/leasehold-demo-a1B2c3/kubeconfig"
    `);
  });

  it('has something to show before anything has happened', () => {
    expect(frame(nothing)).toMatchInlineSnapshot(`
      "leasehold demo  5 processes share a lock and elect a leader         0:00 of 1:00

      lock      nobody holds it
      next      nobody waits
      leader    nobody leads


      account   0 deposits, each by the holder alone: 0 overlaps
                0 late writes refused

      Soon one of them is killed.










      ttl 3 s (usually 15 s). Ctrl-C ends. From another terminal in this directory:
      kubectl --kubeconfig /any/leasehold-demo-a1B2c3/kubeconfig get leases -w
      npx node src/cli/main.ts ls --kubeconfig /any/leasehold-demo-a1B2c3/kubeconfig"
    `);
  });

  it.each([
    { columns: 80, rows: 24 },
    { columns: 40, rows: 10 },
    { columns: 200, rows: 60 },
    { columns: 1, rows: 1 },
  ])('fits into $columns x $rows', ({ columns, rows }) => {
    const lines = liveFrame(struck, { columns, rows }, plain);
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(columns);
  });

  it('keeps a long command whole over several rows', () => {
    const kubeconfig = `/var/folders/${'x'.repeat(60)}/T/leasehold-demo-a1B2c3/kubeconfig`;
    const lines = liveFrame({ ...calm, kubeconfig }, SCREEN, plain);
    expect(lines).toHaveLength(24);
    const copied = lines.join('\n').replaceAll('\\\n', '');
    expect(copied).toContain(`kubectl --kubeconfig ${kubeconfig} get leases -w`);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(SCREEN.columns);
  });

  it('paints what it is told to, and no more characters than fit', () => {
    const marked = liveFrame(struck, SCREEN, (colour, text) => `<${colour}>${text}</>`);
    expect(marked.join('\n')).toContain('<red>worker-5</> is frozen and holds it');
    expect(marked.map((line) => line.replaceAll(/<[a-z/]+>/g, '').trimEnd())).toEqual(
      liveFrame(struck, SCREEN, plain),
    );
  });
});
