import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attemptId, formatEntry, parseEntry, withField } from '../../src/core/entry.ts';
import { microTime } from '../../src/core/lease.ts';
import type { Lease } from '../../src/core/lease.ts';
import { parseRecord } from '../../src/core/record.ts';
import { settle, settledLease } from '../../src/core/settle.ts';

const word = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,30}$/);

describe('an entry', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(
        fc.record({
          session: word,
          sessionUid: word,
          ttl: fc.integer({ min: 1, max: 2_147_483_647 }),
          how: fc.oneof(
            fc.constantFrom('exclusive' as const, 'shared' as const).map((mode) => ({ mode })),
            fc
              .tuple(fc.integer({ min: 1, max: 1_000_000 }), fc.nat(1_000))
              .map(([weight, more]) => ({ mode: 'permit' as const, weight, of: weight + more })),
          ),
          seen: fc.option(fc.bigInt({ min: 0n, max: 2n ** 63n }), { nil: undefined }),
          since: fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1_000),
        }),
        ({ seen, since, how, ...others }) => {
          const fields = { ...others, ...how, since: microTime(since) };
          const text = formatEntry(seen === undefined ? fields : { ...fields, seen });
          const parsed = parseEntry('1f9a3c21-17', text);
          expect(parsed).toEqual({
            ...others,
            weight: 1,
            of: undefined,
            ...how,
            seen,
            since,
            id: '1f9a3c21-17',
            version: 1,
            fence: undefined,
            text,
          });
        },
      ),
    );
  });

  it('written by any version keeps the order and the text of all pairs but the one that is set', () => {
    const pair = fc.tuple(fc.stringMatching(/^[a-z]{2,6}$/), fc.stringMatching(/^[!-~]{0,8}$/));
    fc.assert(
      fc.property(fc.uniqueArray(pair, { selector: ([key]) => key }), word, (pairs, value) => {
        const others = pairs.filter(([key]) => !['session', 'uid', 'ttl', 'mode'].includes(key));
        const isOdd = others.some(([key]) => ['fence', 'seen', 'since'].includes(key));
        const text = [good, ...others.map(([key, of]) => `${key}=${of}`)].join(' ');
        const parsed = parseEntry('0a-1', text);
        if (!isOdd) expect(parsed).toMatchObject({ session: 's', text });
        const set = withField(text, 'new', value);
        const kept = text.split(' ').filter((one) => !one.startsWith('new='));
        expect(set.split(' ')).toEqual([...kept, `new=${value}`]);
        expect(withField(set, 'new', undefined)).toBe(kept.join(' '));
      }),
    );
  });

  it('keeps the fields of others when one is set', () => {
    const text = 'v=1 session=s uid=u ttl=2 mode=exclusive later=yes seen=3';
    expect(withField(text, 'seen', undefined)).toBe(
      'v=1 session=s uid=u ttl=2 mode=exclusive later=yes',
    );
    expect(withField(withField(text, 'fence', '7'), 'fence', '8')).toBe(`${text} fence=8`);
  });

  it.each(['', 'yesterday', '2026-13-45'])('with since=%s is read, without a time', (since) => {
    const text = `v=1 session=s uid=u ttl=2 mode=exclusive since=${since}`;
    expect(parseEntry('a-1', text)).toMatchObject({ session: 's', since: undefined, text });
  });

  it('of garbage is undefined, and never an exception', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (id, text) => {
        const parsed = parseEntry(id, text);
        if (parsed) expect(parsed.version).toBeGreaterThan(0);
      }),
    );
  });

  const good = 'v=1 session=s uid=u ttl=15 mode=exclusive';
  it.each([
    ['an empty text', ''],
    ['no version', 'session=s uid=u ttl=15 mode=exclusive'],
    ['version 0', good.replace('v=1', 'v=0')],
    ['a version that is no number', good.replace('v=1', 'v=one')],
    ['no session', good.replace('session=s ', '')],
    ['an empty session', good.replace('session=s', 'session=')],
    ['no uid', good.replace('uid=u ', '')],
    ['no ttl', good.replace('ttl=15 ', '')],
    ['ttl 0', good.replace('ttl=15', 'ttl=0')],
    ['a negative ttl', good.replace('ttl=15', 'ttl=-1')],
    ['an absurd ttl', good.replace('ttl=15', 'ttl=99999999999')],
    ['no mode', good.replace(' mode=exclusive', '')],
    ['a key twice', `${good} uid=other`],
    ['seen that is no number', `${good} seen=x`],
    ['a fence that is no number', `${good} fence=`],
    ['two spaces', good.replace(' ', '  ')],
    ['JSON', '{"v":1}'],
  ])('with %s cannot be read', (_, text) => {
    expect(parseEntry('0a-1', text)).toBeUndefined();
  });

  it.each(['', '0a', '0a-', '-1', '0A-1', '0a-1-2', '0a-x'])('cannot have the id %j', (id) => {
    expect(parseEntry(id, good)).toBeUndefined();
    expect(parseEntry(attemptId('0a', 1), good)).toBeDefined();
  });

  it('of a newer version needs nothing but that version', () => {
    expect(parseEntry('0a-1', 'v=2 permits=3')).toMatchObject({ version: 2 });
  });
});

function lease(parts: {
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
  spec?: Lease['spec'];
}): Lease {
  const { annotations, labels, spec } = parts;
  return {
    metadata: {
      name: 'x',
      uid: 'u',
      resourceVersion: '7',
      ...(annotations ? { annotations } : {}),
      ...(labels ? { labels } : {}),
    },
    ...(spec ? { spec } : {}),
  };
}

const LOCK = { 'leasehold.dev/role': 'lock' };
const entry = (seen: number): string =>
  `v=1 session=s uid=u ttl=15 mode=exclusive seen=${String(seen)}`;

describe('a record', () => {
  it.each([
    ['a Lease without role and entries', lease({ spec: { holderIdentity: 'me' } })],
    ['a session', lease({ labels: { 'leasehold.dev/role': 'session' } })],
    [
      'a session with an entry',
      lease({
        labels: { 'leasehold.dev/role': 'session' },
        annotations: { 'holder.leasehold.dev/0a-1': entry(1) },
      }),
    ],
    ['a lock with a strategy', lease({ labels: LOCK, spec: { strategy: 'Oldest' } })],
    ['a Lease without anything', { metadata: { name: 'x' } }],
  ])('is not %s', (_, foreign) => {
    expect(() => parseRecord(foreign)).toThrow(
      expect.objectContaining({ code: 'FOREIGN_LEASE' }) as Error,
    );
  });

  it('is one that lost its label, and one without entries', () => {
    const unlabelled = lease({ annotations: { 'queue.leasehold.dev/0a-1': entry(1) } });
    expect(parseRecord(unlabelled).queue).toHaveLength(1);
    expect(parseRecord(lease({ labels: LOCK }))).toMatchObject({ holders: [], queue: [] });
  });

  it('queues by what was seen first, as numbers, then by id', () => {
    const record = parseRecord(
      lease({
        labels: LOCK,
        annotations: {
          'queue.leasehold.dev/0a-1': entry(10),
          'queue.leasehold.dev/0b-1': entry(9),
          'queue.leasehold.dev/0d-1': entry(9),
          'queue.leasehold.dev/0c-1': entry(100),
        },
      }),
    );
    expect(record.queue.map(({ id }) => id)).toEqual(['0b-1', '0d-1', '0a-1', '0c-1']);
  });

  it('tells what it cannot read, in holders and in the queue', () => {
    const annotations = {
      'holder.leasehold.dev/0a-1': 'garbage',
      'queue.leasehold.dev/0b-1': 'garbage',
      'queue.leasehold.dev/0c-1': entry(3),
    };
    const record = parseRecord(lease({ labels: LOCK, annotations }));
    expect(record.unreadableHolders).toEqual(['0a-1']);
    expect(record.unreadableQueue).toEqual(['0b-1']);
    expect(settle(record, () => true)).toMatchObject({
      action: 'write',
      granted: [],
      annotations: { 'queue.leasehold.dev/0c-1': null },
    });
  });

  it('says of who was granted since when it holds, and no longer since when it waited', () => {
    const annotations = { 'queue.leasehold.dev/0b-1': `${entry(3)} since=2026-01-01T00:00:00Z` };
    const record = parseRecord(lease({ labels: LOCK, annotations }));
    const settlement = settle(record, () => false);
    if (settlement.action !== 'write') throw new Error(`settled by ${settlement.action}`);
    const next = parseRecord(settledLease(record, settlement, '2026-01-01T00:00:05.123456Z'));
    expect(next.holders).toMatchObject([
      { id: '0b-1', seen: undefined, since: Date.parse('2026-01-01T00:00:05Z') },
    ]);
  });

  const key = fc.oneof(
    fc
      .constantFrom('holder.leasehold.dev/', 'queue.leasehold.dev/')
      .chain((prefix) =>
        fc
          .oneof(
            fc.stringMatching(/^[0-9a-z]{1,3}-[0-9]{1,3}$/),
            fc.constantFrom('', '__proto__', 'constructor', '0a-1/x', 'ü-1'),
            fc.string({ maxLength: 6 }),
          )
          .map((id) => prefix + id),
      ),
    fc.constantFrom('__proto__', 'constructor', 'toString', 'note'),
    fc.string({ maxLength: 10 }),
  );
  const value = fc.oneof(
    fc.integer({ min: 0, max: 20 }).map(entry),
    fc.string(),
    fc.constantFrom('v=1', 'v=2 anything=else', `${entry(1)} __proto__=x later=yes`, 'v=2 '),
  );

  it('of any annotations is read, settled and written, and what others put there is kept', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(key, value), { maxLength: 12 }),
        fc.subarray(['s', 'other']),
        (pairs, dead) => {
          const annotations = Object.fromEntries(pairs);
          const before = lease({ labels: { ...LOCK, team: 'a' }, annotations });
          const unknown = { status: { x: 1 }, spec: { preferredHolder: 'x', later: true } };
          const record = parseRecord({ ...before, ...unknown });
          const isDead = (one: { session: string }): boolean => dead.includes(one.session);
          const settlement = settle(record, isDead);
          if (settlement.action !== 'write') return;
          const next = settledLease(record, settlement, '2026-01-01T00:00:00.000000Z');
          expect(next).toMatchObject({ ...unknown, metadata: { labels: { team: 'a' } } });
          const written = next.metadata.annotations ?? {};
          for (const [name, text] of Object.entries(annotations)) {
            const isEntry = /^(holder|queue)\.leasehold\.dev\//.test(name);
            if (!isEntry) expect(Object.getOwnPropertyDescriptor(written, name)?.value).toBe(text);
          }
          // What nobody can read, or a newer version wrote, is as it was.
          const after = parseRecord(next);
          expect(after.unreadableHolders).toEqual(record.unreadableHolders);
          expect(after.unreadableQueue).toEqual(record.unreadableQueue);
          for (const one of [...record.holders, ...record.queue]) {
            if (one.version > 1) expect(Object.values(written)).toContain(one.text);
          }
          for (const { text } of settlement.granted) {
            if (text.includes('later=yes')) {
              expect(Object.values(written).some((one) => /later=yes .*fence=/.test(one))).toBe(
                true,
              );
            }
          }
        },
      ),
    );
  });

  it('with 256 KiB of annotations is read in time', { timeout: 10_000 }, () => {
    const annotations: Record<string, string> = { noise: 'x'.repeat(100_000) };
    for (let index = 0; index < 2_000; index += 1) {
      annotations[`queue.leasehold.dev/0a-${String(index)}`] = entry(index);
    }
    const record = parseRecord(lease({ labels: LOCK, annotations }));
    settle(record, () => false);
    expect(record.queue).toHaveLength(2_000);
  });
});
