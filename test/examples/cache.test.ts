import { expect, test } from 'vitest';
import { isInstalled, played } from './playing.ts';

test.skipIf(!isInstalled('redis-server'))('one of many makes what has expired', async () => {
  const output = await played('cache');
  const made = [...output.matchAll(/^(\w+\.ts, [\w ]+?) {2,}.* reports made: (\d+)$/gm)];
  expect(made.map(([, what, times]) => [what, Number(times)])).toEqual([
    // Each of them, or each but those who came late.
    ['naive.ts, nothing cached', expect.toSatisfy((times: number) => times > 1)],
    ['naive.ts, expired', expect.toSatisfy((times: number) => times > 1)],
    ['main.ts, nothing cached', 1],
    ['main.ts, fresh', 0],
    ['main.ts, stale', 1],
    ['main.ts, stale', 1],
  ]);
  expect(output).toMatch(
    /^pod-5 goes on, and is refused: there is the report that pod-[1-4] has made$/m,
  );
});
