import { rulesWithout } from '../rules.ts';
import { RULES } from './rules.ts';
import type { Rule } from './rules.ts';

/** How long a session lasts unseen, in ticks. */
export const TTL = 5;
/** How long its owner may rely on a renewal: a fifth less. */
export const VALIDITY = 4;

export interface Configuration {
  readonly name: string;
  readonly about: string;
  /** The observer's clock, in four ticks of the owner's, may gain one. */
  readonly drift?: boolean;
  /** Answers that may be lost, and renewals that may be late. */
  readonly losses?: number;
  readonly deletions?: number;
  /** Times that somebody labels the session. */
  readonly labels?: number;
  /** Somebody labels it in every tick. */
  readonly labelledForEver?: boolean;
  /** Steps of the owner's wall clock, and suspensions of its machine. */
  readonly clockFaults?: number;
  /** The observer tries only once, and asks API servers whose clocks may jump, or differ. */
  readonly tryOnce?: boolean;
  /** What the entry states as ttl, if not that of the session. */
  readonly entryTtl?: number;
}

export class World {
  readonly configuration: Configuration;
  readonly rules: Readonly<Record<Rule, boolean>>;
  /** After how many ticks without a renewal seen the observer takes the session for dead. */
  readonly patience: number;
  readonly validity: number;

  constructor(configuration: Configuration, dropped?: Rule) {
    const rules = rulesWithout(RULES, dropped);
    this.configuration = configuration;
    this.rules = rules;
    const { entryTtl = TTL } = configuration;
    const ttl = rules.largestTtl ? Math.max(TTL, entryTtl) : entryTtl;
    this.patience = rules.wholeTtl ? ttl : 1;
    this.validity = rules.margin ? VALIDITY : TTL;
  }
}

export const CONFIGURATIONS: readonly Configuration[] = [
  {
    name: 'heartbeat',
    about: 'an owner that renews and an observer, clocks a fifth apart, an answer lost or late',
    drift: true,
    losses: 1,
    labels: 1,
    clockFaults: 1,
  },
  {
    name: 'heartbeat-missing',
    about: 'the session is deleted while its owner lives',
    drift: true,
    losses: 1,
    deletions: 1,
  },
  {
    name: 'heartbeat-labelled',
    about: 'somebody labels the session in every tick',
    losses: 1,
    labelledForEver: true,
  },
  {
    name: 'heartbeat-entry',
    about: 'the entry states a shorter ttl than the session',
    losses: 1,
    entryTtl: 2,
  },
  {
    name: 'heartbeat-try',
    about: 'a client that tries only once, and API servers whose clocks differ by 2 ttl',
    drift: true,
    losses: 1,
    tryOnce: true,
  },
];
