import { exitCodeOfSignal } from '../exit-codes.ts';

/** Writes to stdout, and resolves when it is written: the program may end at once after that. */
export function print(text: string): Promise<void> {
  heedReader();
  return new Promise((resolve) => {
    process.stdout.write(text, () => {
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

let heeds = false;

/** Ends the program as SIGPIPE would when nobody reads any more, as with `| head`. */
function heedReader(): void {
  if (heeds) return;
  heeds = true;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodeOfSignal('SIGPIPE'));
    throw error;
  });
}
