import { writeSync } from 'node:fs';

/**
 * Writes one line for people. Not by `process.stderr`, which would change the mode of a pipe that
 * the command shares.
 */
export function say(message: string): void {
  try {
    writeSync(2, `leasehold: ${message}\n`);
  } catch {
    // Nobody listens any more.
  }
}
