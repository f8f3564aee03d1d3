import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FromCaretaker, ToCaretaker } from './messages.ts';
import { RESTORE } from './screen-codes.ts';

/**
 * The process that cleans up when the demo itself cannot, as it was killed: it ends the workers (a
 * frozen one would never learn that the demo is gone), removes the directory for the demo's files, which
 * it has made, and gives the terminal back. It notices by the channel to the demo, which the operating
 * system closes. It is in a session of its own, so that what is sent to the demo's process group
 * or terminal does not concern it.
 *
 * If both are killed at once, the workers end by themselves, for the same reason; but the directory stays,
 * and a worker that is frozen at that moment stays until somebody continues it.
 */

const workers = new Set<number>();
const directory = mkdtempSync(join(tmpdir(), 'leasehold-demo-'));

process.on('message', ({ type, pid }: ToCaretaker) => {
  if (type === 'started') workers.add(pid);
  else workers.delete(pid);
});

process.on('disconnect', () => {
  for (const pid of workers) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  rmSync(directory, { recursive: true, force: true });
  // In an orderly end nothing is left to end, and the screen is the demo's own to restore.
  if (process.stdout.isTTY && workers.size > 0) process.stdout.write(RESTORE);
  process.exit();
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
process.title = 'leasehold-demo-caretaker';
process.send?.({ directory } satisfies FromCaretaker);
