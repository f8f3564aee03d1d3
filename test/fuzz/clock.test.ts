import { expect, it } from 'vitest';
import { systemClock } from '../../src/client/system-clock.ts';

it('a moment that has just passed is waited for without a warning of Node', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  await new Promise<void>((resolve) => systemClock().schedule(-0.0004, resolve));
  // A warning is told in a later turn.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
