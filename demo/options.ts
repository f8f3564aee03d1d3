import { parseArgs } from 'node:util';

export interface Options {
  readonly seconds: number;
  readonly seed: number;
}

export const HELP = `Usage: npm run demo -- [--seconds <n>] [--seed <n>]

Five processes take turns on a lock and elect a leader, on a Kubernetes API server that
runs in the demo itself: no cluster is needed, and nothing is left behind. Now and then
one of them is killed or frozen. In a terminal it is a live view, and otherwise a line
for each event.

  --seconds <n>  how long, from 1 to 3600; 60 unless told, and Ctrl-C ends it before
  --seed <n>     which workers are struck, and how; a random one unless told. The seed
                 does not repeat the timing of real processes
  --help         print this

From another terminal you may look on, kill or freeze workers yourself, or delete their
Pods with kubectl. To delete or edit Leases by hand is to steal: holders may overlap then.

The ttl is 3 s instead of leasehold's default of 15 s, so that a minute shows much: it is
about what a crash costs.

Exit code: 0 when it ended in time or by INT, TERM or HUP; 1 when holders have overlapped
or the demo itself failed; 64 on wrong usage.
`;

/** What is wrong with the command line. */
export class UsageError extends Error {}

/**
 * @returns undefined when help is asked for
 * @throws UsageError
 */
export function parseOptions(words: readonly string[]): Options | undefined {
  const { seconds, seed, help } = parsed(words);
  if (help) return undefined;
  return {
    seconds: wholeNumber('--seconds', seconds, 1, 3_600) ?? 60,
    seed: wholeNumber('--seed', seed, 0, 0xffff_ffff) ?? Math.floor(Math.random() * 1e6),
  };
}

function parsed(words: readonly string[]): {
  seconds?: string | undefined;
  seed?: string | undefined;
  help?: boolean | undefined;
} {
  try {
    return parseArgs({
      args: [...words],
      options: {
        seconds: { type: 'string' },
        seed: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(
  option: string,
  text: string | undefined,
  least: number,
  most: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(
    `${option} must be a whole number from ${String(least)} to ${String(most)}, not ${text}`,
  );
}
