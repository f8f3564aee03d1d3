import { constants } from 'node:os';
import type { LeaseholdErrorCode } from '../core/errors.ts';
import { wrapped } from './wrapped.ts';

/**
 * How the program ends when it is not the command's own exit code that it passes on. Those of
 * sysexits.h where one fits; 79 is free there.
 */
export const EXIT = {
  /** A check has found something bad. */
  unhealthy: 1,
  usage: 64,
  /** No lock, election or session of that name. */
  noSuchName: 66,
  unreachable: 69,
  internal: 70,
  system: 71,
  unusable: 73,
  file: 74,
  taken: 75,
  timeout: 76,
  forbidden: 77,
  configuration: 78,
  lost: 79,
  /** Nothing was changed, as nobody said yes. */
  declined: 80,
  /** Nothing was changed, as it was no longer so, or never was. */
  unchanged: 81,
  notExecutable: 126,
  notFound: 127,
} as const;

/** Of each error of the library, where nothing else is said. */
export const EXIT_OF_ERROR: Readonly<Record<LeaseholdErrorCode, number>> = {
  INVALID_ARGUMENT: EXIT.usage,
  UNSAFE_CONFIGURATION: EXIT.usage,
  CONFIGURATION: EXIT.configuration,
  API_UNREACHABLE: EXIT.unreachable,
  API_ERROR: EXIT.internal,
  UNAUTHORIZED: EXIT.forbidden,
  FORBIDDEN: EXIT.forbidden,
  NAMESPACE_NOT_FOUND: EXIT.unusable,
  NAMESPACE_TERMINATING: EXIT.unusable,
  TIMEOUT: EXIT.timeout,
  ABORTED: EXIT.internal,
  REENTRANT: EXIT.internal,
  DEADLOCK: EXIT.internal,
  PERMITS_DISAGREE: EXIT.internal,
  STATE_DISAGREES: EXIT.internal,
  BROKEN: EXIT.internal,
  UNKNOWN_OUTCOME: EXIT.internal,
  LOST: EXIT.lost,
  CLOSED: EXIT.internal,
  FOREIGN_LEASE: EXIT.unusable,
  UNREADABLE_RECORD: EXIT.unusable,
};

export function exitCodeOf(code: LeaseholdErrorCode): number {
  return EXIT_OF_ERROR[code];
}

/** As a shell reports the death by a signal. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

const COLUMNS = 80;
const INDENT = 9;

type Meaning = readonly [code: string, meaning: string];

const COMMON: readonly Meaning[] = [
  ['64', 'wrong usage'],
  ['69', 'the API server cannot be reached'],
  ['70', 'the API server answered something unexpected, or leasehold itself failed'],
  ['77', 'not permitted, or not authenticated'],
  ['78', 'the kubeconfig is missing or wrong'],
];

const OF_COMMANDS_RUN: readonly Meaning[] = [
  ['73', 'the Lease or the namespace cannot be used (it belongs to something else, it is missing)'],
  ['126', 'the command was found, but cannot be executed'],
  ['127', 'the command was not found'],
  ['128+n', 'the command was ended by signal n; or leasehold was, while it waited'],
];

/** Of what mends something. */
export const REPAIR_EXIT_CODES: readonly Meaning[] = [
  ['66', 'there is no Lease of that name'],
  ['73', 'the Lease or the namespace cannot be used: it belongs to something else, it is missing'],
  ['80', 'nothing was changed: not confirmed, or nobody could be asked and --yes is missing'],
];

/** The section of `--help` about exit codes of what runs a command, with those of its own. */
export function exitCodesHelp(own: readonly Meaning[]): string {
  return section("the command's own, or", [...COMMON, ...OF_COMMANDS_RUN, ...own]);
}

/** The same for what runs no command. */
export function plainExitCodesHelp(own: readonly Meaning[]): string {
  return section('0, or', [...COMMON, ...own]);
}

function section(first: string, meanings: readonly Meaning[]): string {
  const sorted = meanings.toSorted(([a], [b]) => Number.parseInt(a) - Number.parseInt(b));
  const lines = sorted.flatMap(([code, meaning]) =>
    wrapped(meaning, COLUMNS - INDENT).map(
      (line, index) => (index === 0 ? `  ${code}` : '').padEnd(INDENT) + line,
    ),
  );
  return [`Exit code: ${first}`, ...lines].join('\n');
}
