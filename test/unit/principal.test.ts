import { describe, expect, test } from 'vitest';
import { guardAsksToEmpty, guardSaysWait, Principal } from '../../src/core/principal.ts';

const denied =
  "leases.coordination.k8s.io \"x\" is forbidden: ValidatingAdmissionPolicy 'leasehold-guard' with binding 'leasehold-guard-namespace' denied request: ";

describe('the principal', () => {
  test('of a Pod is known, of others it is learnt from a refusal, once', () => {
    expect(new Principal('1-2').value).toBe('pod:1-2');
    const principal = new Principal();
    expect(principal.value).toBeUndefined();
    const refusal = `${denied}leasehold-guard/principal: the annotation leasehold.dev/holder-principal must be user:alice%20smith`;
    expect(principal.learn(refusal)).toBe(true);
    expect(principal.value).toBe('user:alice%20smith');
    expect(principal.learn(refusal)).toBe(false);
  });

  test.each(['', 'forbidden: must be user:x', `${denied}leasehold-guard/clock: pod:1`])(
    'is not learnt from %j',
    (message) => {
      expect(new Principal().learn(message)).toBe(false);
    },
  );
});

test('only refusals by the clock, or by a session that lives, pass with time', () => {
  expect(guardSaysWait(`${denied}leasehold-guard/held: held by x`)).toBe(true);
  expect(guardSaysWait(`${denied}leasehold-guard/settle: the session x`)).toBe(true);
  expect(guardSaysWait(`${denied}leasehold-guard/principal: x`)).toBe(false);
  expect(guardSaysWait('leases is forbidden: User "x" cannot update')).toBe(false);
});

test('a deletion for the dead is asked to be an emptied record first', () => {
  expect(guardAsksToEmpty(`${denied}leasehold-guard/delete: held by others`)).toBe(true);
  expect(guardAsksToEmpty(`${denied}leasehold-guard/held: held by x`)).toBe(false);
});
