import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/client/system-clock.ts';
import type { Lease } from '../../src/core/lease.ts';
import { leaseApi } from '../../src/kube/lease-api.ts';
import { LeaseView } from '../../src/kube/lease-view.ts';
import { Transport } from '../../src/kube/transport.ts';
import { FUZZ_TIMEOUT, cases, expectNoCrash } from './budget.ts';
import { CHUNKED, HostileServer, answer, chunk } from './hostile-server.ts';
import { mangle, mangling } from './mangling.ts';

const MIB = 1024 * 1024;
const NAME = 'lock';

function lease(version: number, note = ''): Lease {
  return {
    metadata: {
      name: NAME,
      uid: 'u',
      resourceVersion: String(version),
      annotations: { note, 'holder.leasehold.dev/0a-1': 'v=1' },
    },
    spec: { holderIdentity: 'somebody', leaseDurationSeconds: 15 },
  };
}

function event(type: string, object: object): Buffer {
  return Buffer.from(`${JSON.stringify({ type, object })}\n`);
}

function endOfInitialState(version: number): Buffer {
  const annotations = { 'k8s.io/initial-events-end': 'true' };
  return event('BOOKMARK', { metadata: { resourceVersion: String(version), annotations } });
}

/** Cut into pieces of these sizes, in turn. */
function* pieces(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let from = 0;
  for (let turn = 0; from < bytes.length; turn += 1) {
    const to = from + (sizes[turn % sizes.length] ?? 1);
    yield bytes.subarray(from, to);
    from = to;
  }
}

/** A view on a server that answers each watch with the next script, and the last one for ever. */
async function watched(
  server: HostileServer,
  scripts: readonly ((socket: Socket) => void)[],
): Promise<{ view: LeaseView; opened: () => number } & AsyncDisposable> {
  let next = 0;
  server.respond = (request, socket) => {
    if (!request.path.includes('watch=true')) {
      socket.write(answer(503, 'away'));
      return;
    }
    scripts[Math.min(next, scripts.length - 1)]?.(socket);
    next += 1;
  };
  const clock = systemClock();
  const transport = new Transport(server.access, clock);
  const api = leaseApi(transport, 'default', 5_000);
  const view = new LeaseView(api, NAME, { clock, random: () => 0 });
  view.startWatch();
  await Promise.resolve();
  return {
    view,
    opened: () => next,
    [Symbol.asyncDispose]: () => {
      view.stopWatch();
      transport.close();
      return Promise.resolve();
    },
  };
}

async function until(view: LeaseView, holds: () => boolean): Promise<void> {
  if (holds()) return;
  await new Promise<void>((resolve) => {
    const stop = view.subscribe(() => {
      if (!holds()) return;
      stop();
      resolve();
    });
  });
}

const good = (socket: Socket): void => {
  socket.write(CHUNKED);
  socket.write(chunk(Buffer.concat([event('ADDED', lease(9, 'good')), endOfInitialState(9)])));
};

describe('a watch', () => {
  expectNoCrash();

  it('tells the same state however its bytes arrive', { timeout: FUZZ_TIMEOUT }, async () => {
    await using server = await HostileServer.start(() => undefined);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        async (notes, sizes, isChunked) => {
          const last = lease(notes.length + 1, notes.at(-1));
          const bytes = Buffer.concat([
            event('ADDED', lease(1)),
            endOfInitialState(1),
            ...notes.map((note, index) => event('MODIFIED', lease(index + 2, note))),
          ]);
          const script = (socket: Socket): void => {
            socket.write(isChunked ? CHUNKED : 'HTTP/1.1 200 OK\r\n\r\n');
            socket.setNoDelay(true);
            for (const piece of pieces(bytes, sizes))
              socket.write(isChunked ? chunk(piece) : piece);
          };
          await using one = await watched(server, [script]);
          const { view } = one;
          await until(view, () => view.version === BigInt(notes.length + 1));
          expect(view.lease).toEqual(last);
        },
      ),
      cases(40),
    );
  });

  it('takes a line cut at every byte', async () => {
    await using server = await HostileServer.start(() => undefined);
    const bytes = Buffer.concat([event('ADDED', lease(7, 'ü€𝄞')), endOfInitialState(7)]);
    for (let cut = 1; cut < bytes.length; cut += 7) {
      await using one = await watched(server, [
        (socket) => {
          socket.write(CHUNKED);
          socket.write(chunk(bytes.subarray(0, cut)));
          setImmediate(() => socket.write(chunk(bytes.subarray(cut))));
        },
      ]);
      const { view } = one;
      await until(view, () => view.known);
      expect(view.lease).toEqual(lease(7, 'ü€𝄞'));
    }
  });

  it(
    'that is garbled in any way connects again, and not in a loop',
    { timeout: FUZZ_TIMEOUT },
    async () => {
      await using server = await HostileServer.start(() => undefined);
      const line = event('ADDED', lease(3)).subarray(0, -1);
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ mangling, ends: fc.boolean() }), { minLength: 1, maxLength: 3 }),
          async (steps) => {
            const garbled = steps.map((step) => (socket: Socket): void => {
              socket.write(CHUNKED);
              socket.write(chunk(mangle(line, step.mangling)));
              socket.write(chunk('\n'));
              socket.write(chunk(endOfInitialState(3)));
              if (step.ends) socket.write('0\r\n\r\n');
              // What is left open and told nothing wrong goes on.
              else setTimeout(() => socket.destroy(), 20);
            });
            await using one = await watched(server, [...garbled, good]);
            const { view } = one;
            // As who waits for a lock does: look at each state that is told.
            const stop = view.subscribe(() => void view.state());
            await until(view, () => view.state()?.lease?.metadata.annotations?.note === 'good');
            expect(one.opened()).toBeLessThanOrEqual(steps.length + 1);
            stop();
          },
        ),
        cases(25),
      );
    },
  );

  const refused: [string, (socket: Socket) => void][] = [
    ['ends at once, in order', (socket) => socket.write(`${CHUNKED}0\r\n\r\n`)],
    ['is HTML', (socket) => socket.write(answer(200, '<html>\n</html>\n'))],
    ['is empty', (socket) => socket.write(answer(200, ''))],
    [
      'is a Lease, not an event',
      (socket) => socket.write(answer(200, `${JSON.stringify(lease(1))}\n`)),
    ],
    [
      'is a change of protocol',
      (socket) => socket.write('HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    ],
    ['is 204', (socket) => socket.write('HTTP/1.1 204 No Content\r\n\r\n')],
    ['is a redirect', (socket) => socket.write(answer(302, '', ['Location: /']))],
    ['is 401', (socket) => socket.write(answer(401, '{"kind":"Status","message":5}'))],
    ['is 429 for a moment', (socket) => socket.write(answer(429, '', ['Retry-After: 0']))],
    ['is reset', (socket) => socket.destroy()],
    [
      'begins with a byte order mark',
      (socket) => socket.write(answer(200, `\ufeff${event('ADDED', lease(1)).toString()}`)),
    ],
    ['is no UTF-8', (socket) => socket.write(answer(200, Buffer.alloc(100, 0xff)))],
    ['tells of an error without a code', (socket) => socket.write(answer(200, event('ERROR', {})))],
    [
      'tells of an object of another name',
      (socket) =>
        socket.write(
          answer(
            200,
            Buffer.concat([
              event('ADDED', { ...lease(8), metadata: { ...lease(8).metadata, name: 'other' } }),
              endOfInitialState(8),
            ]),
          ),
        ),
    ],
    ['has a broken chunk', (socket) => socket.write(`${CHUNKED}zz\r\n`)],
  ];

  it.each(refused)('that %s connects again, each time later', async (_, script) => {
    await using server = await HostileServer.start(() => undefined);
    // With no jitter: 10, 20, 40, 80 ms.
    await using one = await watched(server, [script, script, script, script, good]);
    const { view } = one;
    const stop = view.subscribe(() => void view.state());
    const startedAt = performance.now();
    await until(view, () => view.state()?.lease?.metadata.annotations?.note === 'good');
    expect(performance.now() - startedAt).toBeGreaterThan(100);
    expect(one.opened()).toBe(5);
    stop();
  });

  it('refuses a line that never ends, before it costs much memory', async () => {
    await using server = await HostileServer.start(() => undefined);
    let sent = 0;
    const endless = (socket: Socket): void => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n{"type":"ADDED","object":{"x":"');
      const more = Buffer.alloc(64 * 1024, 'x');
      const pump = (): void => {
        while (!socket.destroyed && sent < 500 * MIB) {
          sent += more.length;
          if (!socket.write(more)) {
            socket.once('drain', pump);
            return;
          }
        }
      };
      pump();
    };
    await using one = await watched(server, [endless, good]);
    const { view } = one;
    let trouble = '';
    const stop = view.subscribe(() => {
      if (view.trouble?.kind === 'unknown') trouble ||= String(view.trouble.error);
    });
    await until(view, () => view.known);
    stop();
    expect(trouble).toContain('too large');
    expect(sent).toBeLessThan(32 * MIB);
  });
});

describe('an answer that is huge', () => {
  expectNoCrash();

  it('is refused before it is all in memory', async () => {
    let sent = 0;
    const more = Buffer.alloc(MIB, ' ');
    await using server = await HostileServer.start((_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const pump = (): void => {
        while (!socket.destroyed && sent < 500) {
          sent += 1;
          if (!socket.write(more)) {
            socket.once('drain', pump);
            return;
          }
        }
      };
      pump();
    });
    const transport = new Transport(server.access, systemClock());
    const outcome = await leaseApi(transport, 'default', 30_000).get(NAME);
    expect(outcome).toMatchObject({ kind: 'unknown', sent: true });
    expect(sent).toBeLessThan(200);
    transport.close();
  });

  it('is told in a sentence', async () => {
    const huge = 'x'.repeat(8 * MIB);
    const body = {
      kind: 'Status',
      status: 'Failure',
      code: 403,
      reason: 'Forbidden',
      message: huge,
    };
    await using server = await HostileServer.start((_, socket) => {
      socket.write(answer(403, JSON.stringify(body)));
    });
    const transport = new Transport(server.access, systemClock());
    const outcome = await leaseApi(transport, 'default', 30_000).get(NAME);
    expect(outcome).toMatchObject({ kind: 'refused', status: 403 });
    if (outcome.kind === 'refused') expect(outcome.message.length).toBeLessThan(5_000);
    transport.close();
  });
});
