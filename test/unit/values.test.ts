import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { milliseconds, ttlSeconds } from '../../src/core/duration.ts';
import { LeaseholdError, isLeaseholdError } from '../../src/core/errors.ts';
import { microTime, versionOf } from '../../src/core/lease.ts';
import { checkNamespace, leaseName, sessionPrefix } from '../../src/core/names.ts';
import { validUntil } from '../../src/core/validity.ts';
import { electionTimes } from '../../src/election/options.ts';
import { renewedAtServer } from '../../src/core/session-lease.ts';

const withCode = (code: string): Error => expect.objectContaining({ code }) as Error;

describe('names', () => {
  it('become DNS subdomains, the same for the same name only', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 300, unit: 'binary' }),
        fc.string({ minLength: 1, maxLength: 300, unit: 'binary' }),
        (a, b) => {
          const { lease, original } = leaseName(a);
          expect(lease).toMatch(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/);
          expect(lease.length).toBeLessThanOrEqual(253);
          expect(original).toBe(a);
          if (a !== b) expect(leaseName(b).lease).not.toBe(lease);
        },
      ),
    );
  });

  it.each([
    ['invoices', 'invoices'],
    ['a.b-c.d', 'a.b-c.d'],
    ['0', '0'],
  ])('that are DNS subdomains are used as they are: %s', (name, lease) => {
    expect(leaseName(name).lease).toBe(lease);
  });

  it.each(['Invoices', 'a_b', '-a', 'a-', 'a..b', '.', ' ', 'ü', 'a'.repeat(254), '../etc', 'a/b'])(
    'that are none get a slug and a hash: %s',
    (name) => {
      expect(leaseName(name).lease).toMatch(/^([a-z0-9-]{1,40}-)?[0-9a-f]{16}$/);
    },
  );

  it.each(['', 'a'.repeat(1_025), 7 as never])('are refused: %j', (name) => {
    expect(() => leaseName(name)).toThrow(withCode('INVALID_ARGUMENT'));
  });

  it('of sessions begin with the host', () => {
    expect(sessionPrefix('Billing_2.local')).toBe('billing-2-local');
    expect(sessionPrefix('***')).toBe('host');
    expect(sessionPrefix('a'.repeat(300)).length).toBeLessThanOrEqual(200);
  });

  it('of namespaces are DNS labels', () => {
    expect(() => checkNamespace('kube-system')).not.toThrow();
    for (const name of ['', 'a.b', 'A', '-a', 'a'.repeat(64), 'a/b', '..']) {
      expect(() => checkNamespace(name)).toThrow(withCode('INVALID_ARGUMENT'));
    }
  });
});

describe('durations', () => {
  it.each([
    [0, 0],
    [1.5, 1.5],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['2h', 7_200_000],
  ])('%j is %j ms', (duration, value) => {
    expect(milliseconds(duration, 'timeout')).toBe(value);
  });

  it.each([
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 31,
    '1d',
    '',
    's',
    '5',
    '1e3s',
    '-1s',
    ' 1s',
  ])('%j is refused', (duration) => {
    expect(() => milliseconds(duration, 'timeout')).toThrow(withCode('INVALID_ARGUMENT'));
  });

  it('of a ttl are whole seconds from 2 to an hour', () => {
    expect(ttlSeconds('15s', 'ttl')).toBe(15);
    for (const bad of ['1s', '2500ms', '61m', 0, 1_999]) {
      expect(() => ttlSeconds(bad, 'ttl')).toThrow(withCode('INVALID_ARGUMENT'));
    }
  });

  it('of an election are refused when they cannot be safe', () => {
    expect(electionTimes({})).toMatchObject({ leaseSeconds: 15, renewDeadline: 10_000 });
    for (const unsafe of [
      { leaseDuration: '10s', renewDeadline: '10s' },
      { renewDeadline: '2s', retryPeriod: '2s' },
      { renewDeadline: '2.4s', retryPeriod: '2s' },
      { retryPeriod: 0 },
    ]) {
      expect(() => electionTimes(unsafe)).toThrow(withCode('UNSAFE_CONFIGURATION'));
    }
  });
});

describe('times', () => {
  it('have exactly six fraction digits, in order', () => {
    const moment = fc.double({ min: 0, max: 4e12, noNaN: true });
    fc.assert(
      fc.property(moment, moment, (a, b) => {
        expect(microTime(a)).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
        if (a + 0.002 < b) expect(microTime(a) < microTime(b)).toBe(true);
      }),
    );
    expect(microTime(Date.UTC(2026, 0, 2, 3, 4, 5, 6) + 0.5)).toBe('2026-01-02T03:04:05.006500Z');
  });

  it('count validity from before the request, less the margin', () => {
    expect(validUntil(1_000, 15_000)).toBe(13_000);
    expect(validUntil(1_000, 15_000, 5_000)).toBe(11_000);
  });

  it('of the server are those of the renewal, not of other edits', () => {
    const managedFields = [
      { time: '2026-01-01T00:00:10Z', fieldsV1: { 'f:spec': { 'f:renewTime': {} } } },
      { time: '2026-01-01T00:09:00Z', fieldsV1: { 'f:metadata': { 'f:labels': {} } } },
      { time: '2026-01-01T00:08:00Z', fieldsV1: { 'f:spec': 'strange' } as never },
    ];
    const renewed = renewedAtServer({ metadata: { name: 's', managedFields } });
    expect(renewed).toBe(Date.UTC(2026, 0, 1, 0, 0, 10));
    expect(renewedAtServer({ metadata: { name: 's' } })).toBeUndefined();
  });

  it('of resourceVersions are compared as numbers', () => {
    const of = (resourceVersion?: string): bigint =>
      versionOf({ metadata: { name: 'x', ...(resourceVersion ? { resourceVersion } : {}) } });
    expect(of('9') < of('10')).toBe(true);
    expect([of(), of('abc')]).toEqual([0n, 0n]);
  });
});

describe('errors', () => {
  it('are told apart by name and code, whichever copy of the package made them', () => {
    const error = new LeaseholdError('LOST', 'gone', { cause: 1 });
    expect(isLeaseholdError(error, 'LOST')).toBe(true);
    expect(isLeaseholdError(error, 'CLOSED')).toBe(false);
    const copy = Object.assign(new Error('gone'), { name: 'LeaseholdError', code: 'LOST' });
    expect(isLeaseholdError(copy, 'LOST')).toBe(true);
    expect(isLeaseholdError(new Error('x'))).toBe(false);
    expect(isLeaseholdError({ name: 'LeaseholdError' })).toBe(false);
  });
});
