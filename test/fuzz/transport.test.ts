import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/client/system-clock.ts';
import type { Lease } from '../../src/core/lease.ts';
import { leaseApi } from '../../src/kube/lease-api.ts';
import type { LeaseOutcome } from '../../src/kube/outcome.ts';
import { errorOf } from '../../src/kube/status-error.ts';
import { Transport } from '../../src/kube/transport.ts';
import { FUZZ_TIMEOUT, cases, expectNoCrash } from './budget.ts';
import { CHUNKED, HostileServer, answer, chunk } from './hostile-server.ts';
import { mangle, mangling } from './mangling.ts';

const DEADLINE_MS = 80;
/** Of a machine that is busy with other tests. */
const LATEST_MS = 10_000;

const LEASE: Lease = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: {
    name: 'lock',
    namespace: 'default',
    uid: '7f1c',
    resourceVersion: '42',
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { 'leasehold.dev/role': 'lock' },
    annotations: { 'holder.leasehold.dev/0a-1': 'v=1 session=s uid=u ttl=15 mode=exclusive' },
    managedFields: [
      { manager: 'x', time: '2026-01-01T00:00:00Z', fieldsV1: { 'f:spec': { 'f:renewTime': {} } } },
    ],
  },
  spec: { holderIdentity: 's', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' },
};
const GOOD = JSON.stringify(LEASE);

/** What is sent, and what becomes of the connection then. */
interface Script {
  readonly name: string;
  readonly bytes: Buffer;
  readonly then: 'keep' | 'end' | 'destroy';
}

const script = (name: string, text: string | Buffer, then: Script['then'] = 'keep'): Script => ({
  name,
  bytes: Buffer.from(text),
  then,
});

const withLength = (length: number | string): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${String(length)}\r\n\r\n${GOOD}`;

/** Each of these has been seen of some proxy, or is what one may come to. */
const SCRIPTS: readonly Script[] = [
  script('nothing, ever', ''),
  script('nothing, and the end', '', 'end'),
  script('a reset', '', 'destroy'),
  script('half of the first line', 'HTTP/1.1 2'),
  script('headers that never end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(2_000)}`),
  script('headers that are too long', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`),
  script('headers without a body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'),
  script('headers of no HTTP', '\u0000\u0001\u0002\r\n\r\n'),
  script('HTTP/2 where none was asked for', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  script('TLS', Buffer.from('1503010002022e', 'hex'), 'end'),
  script('HTTP/1.0', `HTTP/1.0 200 OK\r\n\r\n${GOOD}`, 'end'),
  script('HTTP/0.9', GOOD, 'end'),
  script('a continuation only', 'HTTP/1.1 100 Continue\r\n\r\n'),
  script(
    'hints, then the answer',
    'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n' + withLength(GOOD.length),
  ),
  script('1xx without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(200)),
  script(
    'another protocol',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
  ),
  script('another protocol, unnamed', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  script(
    'another protocol, and its end',
    'HTTP/1.1 101 S\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nx',
    'end',
  ),
  script(
    '204 with a body',
    `HTTP/1.1 204 No Content\r\nContent-Length: ${String(GOOD.length)}\r\n\r\n${GOOD}`,
  ),
  script('304', 'HTTP/1.1 304 Not Modified\r\n\r\n'),
  script('a redirect', answer(301, '', ['Location: http://127.0.0.1:1/'])),
  script('a redirect with a Lease', answer(307, GOOD, ['Location: /'])),
  script('status 0', 'HTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n'),
  script('status 999', answer(999, GOOD)),
  script('401 as HTML', answer(401, '<html>')),
  script('403 as HTML', answer(403, '<html>')),
  script('200 as HTML', answer(200, '<html>')),
  script('429 that asks for a year', answer(429, 'x', ['Retry-After: 31536000'])),
  script('429 that asks for nothing', answer(429, '', ['Retry-After: -1'])),
  script('503 that asks for ever', answer(503, 'x', ['Retry-After: 1e308'])),
  script('another Lease', answer(200, GOOD.replace('"lock"', '"other"'))),
  script('a list', answer(200, `{"kind":"LeaseList","metadata":{},"items":[${GOOD}]}`)),
  script('a byte order mark', answer(200, `\ufeff${GOOD}`)),
  script('bytes that are no UTF-8', answer(200, Buffer.from(GOOD).fill(0xff, 40, 60))),
  script('compressed, unasked', answer(200, gzipSync(GOOD), ['Content-Encoding: gzip'])),
  script('a length that is too long', withLength(GOOD.length + 10)),
  script('a length that is too long, and the end', withLength(GOOD.length + 10), 'end'),
  script('a length that is too short', withLength(GOOD.length - 10)),
  script('a length that is none', withLength('x')),
  script('a length that is negative', withLength(-1)),
  script('two lengths', `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n${GOOD}`),
  script(
    'length and chunks',
    `HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ),
  script('two answers', Buffer.concat([answer(200, GOOD), answer(200, '{}')])),
  script('chunks of a wrong size', `${CHUNKED}zz\r\n${GOOD}\r\n0\r\n\r\n`),
  script('a chunk that is too short', `${CHUNKED}ffff\r\n${GOOD}`),
  script('a chunk that is too short, and the end', `${CHUNKED}ffff\r\n${GOOD}`, 'end'),
  script('chunks without the last', Buffer.concat([Buffer.from(CHUNKED), chunk(GOOD)])),
  script(
    'chunks without the last, and the end',
    Buffer.concat([Buffer.from(CHUNKED), chunk(GOOD)]),
    'end',
  ),
  script(
    'chunks without the last, and a reset',
    Buffer.concat([Buffer.from(CHUNKED), chunk(GOOD)]),
    'destroy',
  ),
];

const good: fc.Arbitrary<Script> = fc.constant(script('a Lease', answer(200, GOOD)));

const anyScript: fc.Arbitrary<Script> = fc.oneof(
  fc.constantFrom(...SCRIPTS),
  good,
  // A good answer of which something is wrong, whatever.
  fc
    .record({ mangling, status: fc.constantFrom(200, 201, 200, 409, 404, 500) })
    .map((one) => script('garbled', answer(one.status, mangle(Buffer.from(GOOD), one.mangling)))),
  fc
    .record({
      mangling,
      then: fc.constantFrom('keep' as const, 'end' as const, 'destroy' as const),
    })
    .map((one) => script('garbled head', mangle(answer(200, GOOD), one.mangling), one.then)),
);

function play(
  one: Script,
  socket: { write(bytes: Buffer): unknown; end(): unknown; destroy(): unknown },
): void {
  if (one.bytes.length > 0) socket.write(one.bytes);
  if (one.then === 'end') socket.end();
  else if (one.then === 'destroy') socket.destroy();
}

describe('an answer that no API server gives', () => {
  expectNoCrash();

  it(
    'is an outcome within the deadline, and harms no other',
    { timeout: FUZZ_TIMEOUT },
    async () => {
      await using server = await HostileServer.start(() => undefined);
      await fc.assert(
        fc.asyncProperty(fc.array(anyScript, { minLength: 1, maxLength: 12 }), async (scripts) => {
          const clock = systemClock();
          const transport = new Transport(server.access, clock);
          const api = leaseApi(transport, 'default', DEADLINE_MS);
          let next = 0;
          server.respond = (_, socket) => {
            const one = scripts[next++ % scripts.length];
            if (one) play(one, socket);
          };
          const startedAt = performance.now();
          const outcomes = await Promise.all(
            scripts.map((_, index): Promise<LeaseOutcome> => {
              if (index % 3 === 0) return api.get('lock');
              return index % 3 === 1
                ? api.replace(LEASE)
                : api.patch('lock', { metadata: { uid: '7f1c' } }, { lane: 'heartbeats' });
            }),
          );
          expect(performance.now() - startedAt).toBeLessThan(LATEST_MS);
          for (const outcome of outcomes) {
            if (outcome.kind === 'done') expect(outcome.body.metadata.name).toBe('lock');
            else expect(errorOf(outcome, 'try').message).toMatch(/^cannot try: .{5,5000}$/su);
          }
          // Whatever the connections were left in.
          server.respond = (_, socket) => socket.write(answer(200, GOOD));
          let after = await api.get('lock');
          for (let tries = 0; tries < 20 && after.kind !== 'done'; tries += 1) {
            after = await api.get('lock');
          }
          expect(after).toMatchObject({ kind: 'done', body: LEASE });
          transport.close();
        }),
        cases(40),
      );
    },
  );

  it.each(SCRIPTS.map((one) => [one.name, one] as const))('%s: alone', async (_, one) => {
    await using server = await HostileServer.start((_request, socket) => play(one, socket));
    const transport = new Transport(server.access, systemClock());
    const outcome = await leaseApi(transport, 'default', DEADLINE_MS).get('lock');
    if (outcome.kind === 'done') expect(outcome.body).toEqual(LEASE);
    else expect(errorOf(outcome, 'try').code).toMatch(/^(API_|UNAUTHORIZED|FORBIDDEN)/);
    transport.close();
  });
});
