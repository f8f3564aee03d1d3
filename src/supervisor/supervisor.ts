import { LeaseholdError } from '../core/errors.ts';
import { leaseApi } from '../kube/lease-api.ts';
import { openCluster } from '../client/cluster.ts';
import type { Cluster, ClusterChoice } from '../client/cluster.ts';
import type { AnnouncedProcess } from '../client/announcement.ts';
import type { Workshop } from '../repair/compare-and-swap.ts';
import { Announcements, isChild } from './announcements.ts';
import type { Announced, LastTerm } from './announcements.ts';
import { giveUpTerm } from './give-up-term.ts';
import { reclaim } from './reclaim.ts';
import type { DeadSession } from './reclaim.ts';
import { rehearse } from './rehearsal.ts';

/** The exit of a container must not wait for longer: the next start is more urgent than the ttl. */
const LONGEST_RECLAIM_MS = 5_000;
/** On a connection that is dead a request is given up in time for another. */
const REQUEST_DEADLINE_MS = 2_000;

const REMEDY =
  "make the application the direct child: name it as 'leasehold run -- node app.js', not by npm, or use 'exec node app.js' in a script";

/** What was done for a process that has ended. */
interface Done {
  readonly sessions: number;
  readonly locks: number;
  readonly passedOn: number;
  readonly terms: number;
}

const NOTHING: Done = { sessions: 0, locks: 0, passedOn: 0, terms: 0 };

/**
 * What `leasehold run` does for the locks of the process that it has started. While that runs, it does
 * nothing: no timer, and no request but two when that process first connects.
 */
export class Supervisor {
  readonly #announcements: Announcements | undefined;
  readonly #say: (message: string) => void;
  readonly #clusters = new Map<string, Promise<Cluster>>();
  #child: number | undefined;
  #hasToldOfOther = false;

  /** @param say - tells people one line */
  constructor(say: (message: string) => void) {
    this.#say = say;
    this.#announcements = Announcements.open();
    if (!this.#announcements) {
      say(
        'neither /dev/shm nor the directory for temporary files can be written to, so the locks of the command wait for their ttl if it dies; mount an emptyDir at /tmp',
      );
    }
  }

  /** For the environment of the command. */
  get variables(): Readonly<Record<string, string>> {
    return this.#announcements?.variables ?? {};
  }

  /** The command runs. */
  started(child: number): void {
    this.#child = child;
    this.#announcements?.onFirst((first) => {
      if (isChild(first, child)) void this.#warmUp(first);
      else this.#tellOfOther(first.pid);
    });
  }

  /**
   * The command has ended, in whatever way. Resolves when nothing of it is left that others would
   * wait for, or when that takes too long; never rejects.
   */
  async ended(): Promise<void> {
    if (!this.#announcements) return;
    try {
      await this.#reclaim(this.#announcements.read());
    } catch (error) {
      this.#say(`the locks of the command wait for their ttl: ${messageOf(error)}`);
    } finally {
      this.#announcements.close();
    }
  }

  async #reclaim(announced: readonly Announced[]): Promise<void> {
    const left = announced.filter(({ sessions, terms }) => sessions.length + terms.length > 0);
    const child = this.#child;
    const own = left.filter((one) => child !== undefined && isChild(one.process, child));
    const other = left.find((one) => !own.includes(one));
    if (other) this.#tellOfOther(other.process.pid);
    if (own.length === 0) return;
    const startedAt = performance.now();
    const results = await this.#inTime(own);
    const took = (performance.now() - startedAt).toFixed(0);
    const done = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const sum = (count: (one: Done) => number): string =>
      String(done.reduce((total, one) => total + count(one), 0));
    if (done.some(({ sessions, terms }) => sessions + terms > 0)) {
      this.#say(
        `the command died without closing its client: revoked ${sum((one) => one.sessions)} session(s), settled ${sum((one) => one.locks)} lock(s), ${sum((one) => one.passedOn)} of them passed on, gave up ${sum((one) => one.terms)} leadership(s), in ${took} ms`,
      );
    }
    const failed = results.find((one) => one.status === 'rejected');
    if (failed) throw failed.reason as Error;
  }

  async #inTime(own: readonly Announced[]): Promise<PromiseSettledResult<Done>[]> {
    const giveUp = new AbortController();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      giveUp.abort();
      late.reject(new Error(`the API server did not answer for ${String(LONGEST_RECLAIM_MS)} ms`));
    }, LONGEST_RECLAIM_MS);
    try {
      const reclaiming = own.flatMap(({ process, sessions, terms }) => [
        ...sessions.map((session) => this.#reclaimSession(process, session, giveUp.signal)),
        ...terms.map((term) => this.#giveUpTerm(process, term, giveUp.signal)),
      ]);
      return await Promise.race([Promise.allSettled(reclaiming), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #reclaimSession(
    process: AnnouncedProcess,
    session: DeadSession,
    signal: AbortSignal,
  ): Promise<Done> {
    const workshop = await this.#workshopOf(process);
    // After its ttl the waiters have done it.
    const useful = AbortSignal.any([signal, AbortSignal.timeout(session.ttl * 1_000)]);
    return { ...NOTHING, sessions: 1, ...(await reclaim(workshop, session, useful)) };
  }

  async #giveUpTerm(process: AnnouncedProcess, term: LastTerm, signal: AbortSignal): Promise<Done> {
    const isGivenUp = await giveUpTerm(await this.#workshopOf(process), term, signal);
    return { ...NOTHING, terms: isGivenUp ? 1 : 0 };
  }

  async #workshopOf(process: AnnouncedProcess): Promise<Workshop> {
    const { access, transport, clock } = await this.#clusterOf(process);
    if (access.server !== process.server) {
      throw new LeaseholdError(
        'CONFIGURATION',
        `it used the API server ${process.server}, but leasehold run finds ${access.server}; give both the same kubeconfig`,
      );
    }
    return { api: leaseApi(transport, process.namespace, REQUEST_DEADLINE_MS), clock };
  }

  /** So that what loads, compiles and shakes hands slowly has done so before it is needed. */
  async #warmUp(process: AnnouncedProcess): Promise<void> {
    try {
      const { transport, clock } = await this.#clusterOf(process);
      const version = { method: 'GET', path: '/version', deadline: REQUEST_DEADLINE_MS } as const;
      await Promise.all([
        transport.request(version),
        transport.request({ ...version, lane: 'heartbeats' }),
      ]);
      await rehearse(clock);
    } catch {
      // If it matters, it fails again then.
    }
  }

  #clusterOf({ kubeconfig, context }: AnnouncedProcess): Promise<Cluster> {
    const choice: ClusterChoice = {
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
    };
    const key = JSON.stringify(choice);
    let cluster = this.#clusters.get(key);
    if (!cluster) {
      cluster = openCluster(choice);
      this.#clusters.set(key, cluster);
      // The kubeconfig may be right by the time that it matters.
      cluster.catch(() => this.#clusters.delete(key));
    }
    return cluster;
  }

  #tellOfOther(pid: number): void {
    if (this.#hasToldOfOther) return;
    this.#hasToldOfOther = true;
    this.#say(
      `process ${String(pid)} uses leasehold and is not the command itself, so nobody is told when it dies and its locks then wait for their ttl; ${REMEDY}`,
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
