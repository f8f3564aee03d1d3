import { constants } from 'node:os';
import type { LeaseholdErrorCode } from '../core/errors.ts';

/**
 * How the program ends when it is not the command's own exit code that it passes on. Those of
 * sysexits.h where one fits; 79 is free there.
 */
export const EXIT = {
  usage: 64,
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
  notExecutable: 126,
  notFound: 127,
} as const;

const OF_ERROR: Record<LeaseholdErrorCode, number> = {
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
  LOST: EXIT.lost,
  CLOSED: EXIT.internal,
  FOREIGN_LEASE: EXIT.unusable,
  UNREADABLE_RECORD: EXIT.unusable,
};

export function exitCodeOf(code: LeaseholdErrorCode): number {
  return OF_ERROR[code];
}

/** As a shell reports the death by a signal. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

type Meaning = readonly [code: string, meaning: string];

const COMMON: readonly Meaning[] = [
  ['64', 'wrong usage'],
  ['69', 'the API server cannot be reached'],
  ['70', 'the API server answered something unexpected, or leasehold itself failed'],
  ['73', 'the Lease or the namespace cannot be used (it belongs to something else, it is missing)'],
  ['77', 'not permitted, or not authenticated'],
  ['78', 'the kubeconfig is missing or wrong'],
  ['126', 'the command was found, but cannot be executed'],
  ['127', 'the command was not found'],
  ['128+n', 'the command was ended by signal n; or leasehold was, while it waited'],
];

/** The section of `--help` about exit codes, with those that only one command has. */
export function exitCodesHelp(own: readonly Meaning[]): string {
  const all = [...COMMON, ...own].sort(([a], [b]) => Number.parseInt(a) - Number.parseInt(b));
  const lines = all.map(([code, meaning]) => `  ${code.padEnd(6)} ${meaning}`);
  return ["Exit code: the command's own, or", ...lines].join('\n');
}
