import { expect, test } from 'vitest';
import { runChaos } from './chaos.ts';
import { renderFigures, renderViolation } from './report.ts';

const milliseconds = 120_000;
/** A new one each time; a failure prints which one it was. */
const seed = Math.floor(Math.random() * 1e9);

test(
  'no two processes hold a lock at the same time, whatever happens',
  async () => {
    const { evidence, figures, violations } = await runChaos({ milliseconds, seed, workers: 6 });
    const found = violations.slice(0, 5).map((violation) => renderViolation(violation, evidence));
    process.stdout.write(`chaos, seed ${String(seed)}\n${renderFigures(figures)}\n`);
    expect(found, `repeat with: npm run chaos -- --seed ${String(seed)}`).toEqual([]);
    // A machine that does nothing else hands over ten times as often.
    expect(figures.handoffs).toBeGreaterThan(300);
  },
  milliseconds + 180_000,
);
