import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../src/kube/answer.ts';
import { LineSplitter } from '../../src/kube/lines.ts';
import { isConflict, isMissing } from '../../src/kube/outcome.ts';
import type { Outcome } from '../../src/kube/outcome.ts';
import { errorOf, isTemporary } from '../../src/kube/status-error.ts';
import { WatchEvent } from '../../src/kube/watch-event.ts';
import { WatchReader } from '../../src/kube/watch-reader.ts';

function answer(status: number, body: unknown, headers = {}): Outcome<unknown> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return readAnswer(status, headers, Buffer.from(text));
}

function statusBody(reason: string, message = 'no', details: object = {}): object {
  return { kind: 'Status', status: 'Failure', reason, message, details };
}

describe('an answer', () => {
  it('with an object is done, and tells the server’s clock', () => {
    const date = 'Thu, 01 Jan 2026 00:00:05 GMT';
    expect(answer(200, { kind: 'Lease' }, { date })).toEqual({
      kind: 'done',
      body: { kind: 'Lease' },
      status: 200,
      serverTime: Date.UTC(2026, 0, 1, 0, 0, 5),
    });
    expect(answer(201, {})).toMatchObject({ kind: 'done', status: 201, serverTime: undefined });
  });

  it('of 2xx that is no object leaves the outcome unknown', () => {
    for (const body of ['', 'ok', '[]', 'null', '{"kind":']) {
      expect(answer(200, body)).toMatchObject({ kind: 'unknown', sent: true });
    }
  });

  it('404 of a proxy is no missing Lease', () => {
    const html = answer(404, '<html>404 Not Found</html>');
    expect(html).toMatchObject({ kind: 'unknown', sent: true });
    expect(isMissing(html)).toBe(false);
    expect(isMissing(answer(404, { message: 'no route' }))).toBe(false);
    expect(isMissing(answer(404, statusBody('NotFound')))).toBe(true);
  });

  it('429 is refused, whoever says so and however', () => {
    const refused = answer(429, 'Too many requests', { 'retry-after': '3' });
    expect(refused).toMatchObject({ kind: 'refused', status: 429, retryAfter: 3_000 });
    expect(answer(429, '', { 'retry-after': 'soon' })).toMatchObject({ retryAfter: undefined });
  });

  it.each([500, 502, 503, 504])('%i leaves the outcome unknown', (status) => {
    const unknown = { kind: 'unknown', sent: true, status };
    expect(answer(status, 'timed out')).toMatchObject(unknown);
    expect(answer(status, statusBody('Timeout'))).toMatchObject(unknown);
  });

  it('409, and 422 for another uid, are conflicts', () => {
    expect(isConflict(answer(409, statusBody('Conflict')))).toBe(true);
    const causes = (field: string): object => ({
      causes: [{ field, reason: 'FieldValueInvalid' }],
    });
    const uid = statusBody('Invalid', 'no', causes('metadata.uid'));
    expect(isConflict(answer(422, uid))).toBe(true);
    expect(isConflict(answer(422, statusBody('Invalid', 'no', causes('spec'))))).toBe(false);
    expect(isConflict(answer(422, statusBody('Invalid')))).toBe(false);
    expect(isConflict(answer(409, 'a proxy'))).toBe(false);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.json(), fc.string(), (status, a, b) => {
        for (const text of [a, b]) {
          const { kind } = answer(status, text, { date: b, 'retry-after': b });
          if (status >= 500) expect(kind).toBe('unknown');
        }
      }),
    );
  });

  it.each([
    [401, statusBody('Unauthorized'), 'UNAUTHORIZED', true],
    [403, statusBody('Forbidden'), 'FORBIDDEN', false],
    [
      403,
      statusBody('Forbidden', 'x', { causes: [{ reason: 'NamespaceTerminating' }] }),
      'NAMESPACE_TERMINATING',
      false,
    ],
    [404, statusBody('NotFound', 'namespaces "x" not found'), 'NAMESPACE_NOT_FOUND', false],
    [422, statusBody('Invalid'), 'API_ERROR', false],
    [503, 'away', 'API_UNREACHABLE', true],
  ])('%i becomes an error with a code', (status, body, code, temporary) => {
    const outcome = answer(status, body);
    if (outcome.kind === 'done') throw new Error('done');
    expect(errorOf(outcome, 'try')).toMatchObject({ code });
    expect(isTemporary(outcome)).toBe(temporary);
  });
});

describe('lines', () => {
  it('are the same however the bytes arrive', () => {
    const line = fc
      .string({ maxLength: 40, unit: 'grapheme' })
      .filter((text) => !text.includes('\n'));
    const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(fc.array(line), line, cuts, (lines, rest, sizes) => {
        const bytes = Buffer.from([...lines, rest].join('\n'));
        const splitter = new LineSplitter();
        const seen: string[] = [];
        let from = 0;
        for (let turn = 0; from < bytes.length; turn += 1) {
          const to = from + (sizes[turn % sizes.length] ?? 1);
          seen.push(...splitter.push(bytes.subarray(from, to)).map(String));
          from = to;
        }
        expect(seen).toEqual(lines);
      }),
    );
  });

  it('that never end are refused', () => {
    const splitter = new LineSplitter();
    const megabyte = Buffer.alloc(1024 * 1024, 'x');
    expect(() => {
      for (let count = 0; count < 9; count += 1) splitter.push(megabyte);
    }).toThrow('too large');
  });
});

describe('an event of a watch', () => {
  const of = (text: string): WatchEvent => WatchEvent.of(Buffer.from(text));
  const object = '{"kind":"Lease","metadata":{"name":"x","resourceVersion":"42"}}';

  it('tells type and version without being parsed', () => {
    const event = of(`{"type":"MODIFIED","object":${object}}`);
    expect([event.type, event.version()]).toEqual(['MODIFIED', 42n]);
    expect(event.object().metadata).toMatchObject({ name: 'x' });
    expect(of(`{"object":${object},"type":"DELETED"}`).type).toBe('DELETED');
  });

  it('knows the bookmark that ends the initial state', () => {
    const bookmark = (annotations: string): WatchEvent =>
      of(`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"${annotations}}}}`);
    const end = bookmark(',"annotations":{"k8s.io/initial-events-end":"true"}');
    expect([end.endsInitialState(), end.version()]).toEqual([true, 7n]);
    expect(bookmark('').endsInitialState()).toBe(false);
  });

  it('of garbage is an error', () => {
    for (const text of ['', '<html>', '{}', '{"type":"OTHER"}', 'null']) {
      expect(() => of(text)).toThrow();
    }
    expect(() => of('{"type":"ADDED","object":null}').object()).toThrow();
    expect(of('{"type":"ERROR","object":{"code":410,"message":"old"}}').error()).toEqual({
      code: 410,
      message: 'old',
    });
  });
});

describe('the watch of one Lease', () => {
  const deletion = (name: string): Buffer => {
    const object = { metadata: { name, uid: 'uid', resourceVersion: '7' } };
    return Buffer.from(`${JSON.stringify({ type: 'DELETED', object })}\n`);
  };

  it('does not take the end of another Lease for the end of this one', () => {
    const reader = new WatchReader('x', false);
    expect(() => reader.read(deletion('y'))).toThrow('it is y, not x');
    expect(new WatchReader('x', false).read(deletion('x'))).toEqual({
      event: undefined,
      version: 7n,
      initial: false,
    });
  });
});
