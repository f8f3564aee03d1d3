import { expect, test } from 'vitest';
import { isEmbedded } from '../cluster/shared.ts';
import { played } from './playing.ts';

// On another API server its Pods would be nobody's to run: test/e2e has a Service there.
test.runIf(isEmbedded)('the Service of a leader follows it', async () => {
  const output = await played('leader-service');
  const tickets = [...output.matchAll(/^ {2}ticket (\d+)\.(\d+) from (tickets-\d)$/gm)];
  expect(tickets.map(([, , number]) => number)).toEqual(['1', '2', '3', '1', '2', '3']);
  const [first, later] = [tickets[0], tickets[3]];
  expect(tickets.map(([, , , who]) => who)).toEqual([
    ...[first?.[3], first?.[3], first?.[3]],
    ...[later?.[3], later?.[3], later?.[3]],
  ]);
  expect(later?.[3]).not.toBe(first?.[3]);
  expect(BigInt(later?.[1] ?? 0)).toBeGreaterThan(BigInt(first?.[1] ?? 0));
  expect(output).toMatch(
    new RegExp(`^${String(first?.[3])} answers with 503, another Pod leads$`, 'm'),
  );
});
