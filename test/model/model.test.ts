import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ACTIONS, MUTANTS, SUBJECTS } from './catalogue.ts';

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

test('the protocol page names actions that are there', () => {
  const text = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
  const named = [...text.matchAll(/\[model\s([^\]]+)\]/g)].flatMap(([, names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name),
  );
  expect(named.length).toBeGreaterThan(20);
  for (const name of named) expect(ACTIONS).toContain(name);
});
