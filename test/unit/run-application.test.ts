import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { afterEach, expect, it, vi } from 'vitest';
import { superviseCommand } from '../../src/cli/application.ts';
import { FORWARDED_SIGNALS } from '../../src/cli/signals.ts';

vi.mock(import('node:child_process'), { spy: true });

const listeners = FORWARDED_SIGNALS.map((signal) => ({
  signal,
  before: process.listeners(signal),
}));

afterEach(() => {
  for (const { signal, before } of listeners) {
    for (const listener of process.listeners(signal)) {
      if (!before.includes(listener)) process.off(signal, listener);
    }
  }
});

it('a command to which signals may not be sent goes on, and its supervisor with it', async () => {
  const running = superviseCommand(['sleep', '1000'], process.env);
  const child = vi.mocked(spawn).mock.results[0]?.value as ChildProcess;
  for (let signals = 0; signals < 2; signals += 1) child.emit('error', new Error('kill EPERM'));
  child.kill('SIGKILL');
  expect(await running).toBe(137);
});
