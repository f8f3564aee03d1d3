import { describe, expect, test } from 'vitest';
import { ASSUMPTION, MUTANTS, SUBJECTS } from './catalogue.ts';

describe('the protocol holds', () => {
  test.for(SUBJECTS.filter(({ large }) => !large))('$name: $about', (subject) => {
    const { finding, complete } = subject.explore();
    expect(finding).toBeUndefined();
    expect(complete).toBe(true);
  });
});

describe('without any of its rules it does not', () => {
  test.for(MUTANTS)('$rule: $sentence', ({ rule, subject }) => {
    expect(subject.explore(rule).finding).toBeDefined();
  });
});

test('a client that tries once relies on the clock of the API server', () => {
  expect(ASSUMPTION.explore().finding?.what).toBe(
    'the owner relies on a session that was taken for dead',
  );
});
