import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { releaseOnSigterm } from '../../src/client/sigterm.ts';

const others = process.listeners('SIGTERM');

beforeEach(() => {
  process.removeAllListeners('SIGTERM');
  vi.useFakeTimers({ toFake: ['performance'] });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  for (const listener of others) process.on('SIGTERM', listener);
});

it('a SIGTERM that arrives twice is one, and a later one the end', () => {
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true);
  const close = vi.fn(() => new Promise<void>(() => undefined));
  releaseOnSigterm({ close });
  process.emit('SIGTERM', 'SIGTERM');
  vi.advanceTimersByTime(500);
  process.emit('SIGTERM', 'SIGTERM');
  expect(kill).not.toHaveBeenCalled();
  vi.advanceTimersByTime(500);
  process.emit('SIGTERM', 'SIGTERM');
  expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, 'SIGTERM');
  expect(process.listenerCount('SIGTERM')).toBe(0);
  expect(close).toHaveBeenCalledTimes(1);
});
