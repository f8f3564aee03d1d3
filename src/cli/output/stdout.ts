import { EXIT, exitCodeOfSignal } from '../exit-codes.ts';
import { say } from '../stderr.ts';

/**
 * Writes to stdout, and resolves when it is written: the program may end at once after that. Ends the
 * program as SIGPIPE would when nobody reads any more, as with `| head`.
 */
export function print(text: string): Promise<void> {
  if (process.stdout.listenerCount('error') === 0) process.stdout.on('error', endWithReader);
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => {
      if (error) endWithReader(error);
      resolve();
    });
  });
}

const LINES_AT_ONCE = 500;

/** Prints lines while they are made: there may be ten thousand. */
export async function printLines(lines: Iterable<string>): Promise<void> {
  let batch: string[] = [];
  for (const line of lines) {
    if (batch.push(line) < LINES_AT_ONCE) continue;
    await print(`${batch.join('\n')}\n`);
    batch = [];
  }
  if (batch.length > 0) await print(`${batch.join('\n')}\n`);
}

function endWithReader(error: NodeJS.ErrnoException): never {
  if (error.code === 'EPIPE') process.exit(exitCodeOfSignal('SIGPIPE'));
  say(`cannot write the output: ${error.message}`);
  process.exit(EXIT.internal);
}
