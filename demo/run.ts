import { HELP, UsageError, parseOptions } from './options.ts';
import type { Options } from './options.ts';

const USAGE = 64;

async function main(): Promise<number> {
  let options: Options | undefined;
  try {
    options = parseOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\nSee 'npm run demo -- --help'.\n`);
    return USAGE;
  }
  if (!options) {
    process.stdout.write(HELP);
    return 0;
  }
  // From the first moment on; what takes time to load comes after.
  const signal = untilAskedToEnd();
  const { play } = await import('./play.ts');
  return play(options, signal);
}

/**
 * Aborts when a signal asks to end, or when nobody reads any more. A second signal does nothing: `npm`
 * passes on the Ctrl-C that the terminal has sent to all, and ending takes a moment only.
 */
function untilAskedToEnd(): AbortSignal {
  const ending = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => ending.abort());
  }
  process.stdout.on('error', () => ending.abort());
  return ending.signal;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
