import { explore } from './explorer.ts';
import type { Exploration } from './explorer.ts';
import * as heartbeat from './heartbeat/configuration.ts';
import { heartbeatModel } from './heartbeat/model.ts';
import { RULES as HEARTBEAT_RULES } from './heartbeat/rules.ts';
import type { Rule as HeartbeatRule } from './heartbeat/rules.ts';
import { World } from './record/configuration.ts';
import type { Configuration } from './record/configuration.ts';
import { CONFIGURATIONS, LARGE } from './record/configurations.ts';
import { recordModel } from './record/model.ts';
import { at } from './record/state.ts';
import { RULES as RECORD_RULES } from './record/rules.ts';
import type { Rule as RecordRule } from './record/rules.ts';

/** More than any configuration has, and what fits into 2 GB. */
const MOST_STATES = 12_000_000;

/** Something to explore. */
export interface Subject {
  readonly name: string;
  readonly about: string;
  /** Whether it takes minutes. */
  readonly large: boolean;
  /** @param dropped - the rule that does not hold */
  explore(dropped?: string): Exploration;
}

/** A rule that is dropped, and a configuration that must show it. */
export interface Mutant {
  readonly rule: string;
  readonly sentence: string;
  readonly subject: Subject;
}

const record = (configuration: Configuration, large: boolean): Subject => ({
  ...configuration,
  large,
  explore: (dropped) =>
    explore(recordModel(new World(configuration, dropped as RecordRule | undefined)), MOST_STATES),
});

const inTime = (configuration: heartbeat.Configuration): Subject => ({
  ...configuration,
  large: false,
  explore: (dropped) => {
    const world = new heartbeat.World(configuration, dropped as HeartbeatRule | undefined);
    return explore(heartbeatModel(world), MOST_STATES);
  },
});

export const SUBJECTS: readonly Subject[] = [
  ...heartbeat.CONFIGURATIONS.map(inTime),
  ...CONFIGURATIONS.map((configuration) => record(configuration, false)),
  ...LARGE.map((configuration) => record(configuration, true)),
];

/** The names of all actions, as docs/protocol.md gives them. */
export const ACTIONS: readonly string[] = [
  recordModel(new World(at(CONFIGURATIONS, 0))),
  heartbeatModel(new heartbeat.World(at(heartbeat.CONFIGURATIONS, 0))),
].flatMap(({ steps, events }) => [...steps, ...events].map(({ name }) => name));

/** By rule, the smallest of the configurations that shows what goes wrong without it. */
const SHOWN_BY: Readonly<Record<RecordRule | HeartbeatRule, string>> = {
  fromSending: 'heartbeat',
  fromItsOwnSending: 'heartbeat',
  margin: 'heartbeat',
  monotonic: 'heartbeat',
  suspension: 'heartbeat',
  wholeTtl: 'heartbeat',
  largestTtl: 'heartbeat-entry',
  fromFirstSight: 'heartbeat',
  notTheVersion: 'heartbeat-labelled',
  ttlFromMissing: 'heartbeat-missing',
  serverClockIsNoProof: 'heartbeat-try',
  attemptId: 'doubt',
  validNow: 'sessions',
  endOfValidity: 'sessions',
  version: 'doubt',
  uid: 'doubt',
  revokeAfterTtl: 'sessions',
  lostForGood: 'sessions',
  missingIsNoProof: 'sessions',
  exclusive: 'doubt',
  others: 'shared',
  permits: 'permits',
  spent: 'cohort',
  withdrawalLeavesHolder: 'full-queue',
  patchAfterRelease: 'patch-out',
  patchBoth: 'doubt',
  patchQueue: 'doubt',
  joinOnce: 'doubt',
  void: 'doubt',
  voidIsDead: 'doubt',
  ownStrays: 'challenge',
  challenge: 'challenge',
  currentBeforeGrant: 'challenge',
  currentWhileRequesting: 'challenge',
  currentWhileWaiting: 'challenge',
  currentUntilRelease: 'challenge',
  settleDead: 'crashes',
  settleFree: 'patch-out',
  trySettles: 'try',
  fenceGrant: 'doubt',
  fenceRecreation: 'doubt',
  fenceTurns: 'cohort',
  fenceTurnsLimit: 'cohort',
  allocated: 'challenge',
  directChild: 'supervisor',
  supervisorVersion: 'supervisor',
  operatorProof: 'operator',
  operatorRun: 'operator',
  guardEmpties: 'guarded-try',
};

export const MUTANTS: readonly Mutant[] = Object.entries({
  ...HEARTBEAT_RULES,
  ...RECORD_RULES,
}).map(([rule, sentence]) => ({
  rule,
  sentence,
  subject: subjectNamed(SHOWN_BY[rule as RecordRule | HeartbeatRule]),
}));

export function subjectNamed(name: string): Subject {
  const subject = SUBJECTS.find((one) => one.name === name);
  if (!subject) throw new Error(`no configuration is named ${name}`);
  return subject;
}
