import { expect, test } from 'vitest';
import { subjectNamed } from './catalogue.ts';

test.each([
  ['fenceRecreation', 'fence'],
  ['uid', 'nobody stands for'],
])('after the lock was deleted by hand, too, it is noticed that %s is missing', (rule, what) => {
  const { finding } = subjectNamed('strangers').explore(rule);
  expect(finding?.what).toContain(what);
  expect(finding?.trace.join('\n')).toContain('strangerDeletesLock');
});
