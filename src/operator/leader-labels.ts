import type { Clock, Random } from '../core/clock.ts';
import { leaderLabelValue } from '../core/names.ts';
import { CollectionWatch } from '../kube/collection-watch.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { collectionPath, listError } from '../kube/lease-list.ts';
import { asLease } from '../kube/lease-shape.ts';
import { isConflict, isMissing } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';
import type { Requests } from '../kube/transport.ts';
import { Backlog } from './backlog.ts';
import { haveMoved } from './endpoints.ts';
import { planLabels, podOfLeader } from './leader-plan.ts';
import type { LabelPlan } from './leader-plan.ts';
import { LED_ELECTIONS, LedElections, ledElection } from './led-elections.ts';
import { LABELLER, LEADER_LABEL, observedPod } from './observed-pod.ts';
import type { ObservedPod } from './observed-pod.ts';
import type { PodIndex } from './pod-index.ts';
import type { Reporter } from './report.ts';

/** Our view of the Pod is behind: its change is on its way. */
const CONFLICT_MS = 50;
/** Endpoints move within some tens of milliseconds, or when the new leader becomes ready. */
const FIRST_POLL_MS = 50;
const MOST_POLL_MS = 1_000;
/** So long a leader that was may stand in for one that is not ready. */
const MOST_OVERLAP_MS = 30_000;
/** So long a Lease may be free before somebody takes it: client-go looks every 2 to 4.4 s. */
const VACANCY_MS = 5_000;

interface Parts {
  readonly requests: Requests;
  readonly apiOf: (namespace: string) => LeaseApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly pods: PodIndex;
  readonly patterns: readonly RegExp[];
  readonly namespaces: readonly (string | undefined)[];
  readonly report: Reporter;
}

/**
 * Keeps the label `leasehold.dev/leader` on the Pods of leaders, and on no others, so that a Service can
 * select by it. Level-triggered: it compares what is there with what should be, whenever one of the two
 * changes, and each write is a compare-and-swap; so it does not matter which operator began it.
 */
export class LeaderLabels {
  readonly #parts: Parts;
  readonly #elections: LedElections;
  /** Namespaces that are to be looked at. */
  readonly #pending: Backlog<string>;
  /** Where the elections are known: before, a label may be right that looks wrong. */
  readonly #listed = new Set<string | undefined>();
  /** By namespace: who is to follow whom, and since when. */
  readonly #overlaps = new Map<string, Map<string, number>>();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#pending = new Backlog(parts.clock, Number.POSITIVE_INFINITY);
    this.#elections = new LedElections(parts, (namespace) => this.#look(namespace));
  }

  /** Works until the signal aborts; needs to know all Pods. */
  async run(signal: AbortSignal): Promise<void> {
    const unsubscribe = this.#parts.pods.subscribe((before, after) => {
      const pod = after ?? before;
      const isKnown = before !== undefined && after !== undefined;
      if (!pod || (isKnown && before.leads?.value === after.leads?.value)) return;
      const isLabelled = before?.leads !== undefined || after?.leads !== undefined;
      const mayMatter = isLabelled || this.#elections.namespaces().has(pod.namespace);
      if (mayMatter) this.#look(pod.namespace);
    });
    const watches = this.#parts.namespaces.map((namespace) => this.#follow(namespace, signal));
    try {
      await Promise.all([this.#work(signal), ...watches]);
    } finally {
      unsubscribe();
      this.#elections.stop();
      this.#listed.clear();
      this.#overlaps.clear();
    }
  }

  async #follow(namespace: string | undefined, signal: AbortSignal): Promise<void> {
    const { requests, clock, random, report, pods } = this.#parts;
    const elections = this.#elections;
    const watch = new CollectionWatch(
      requests,
      { clock, random },
      { path: collectionPath(namespace), selector: LED_ELECTIONS },
      (item) => ledElection(asLease(item)),
      {
        listed: ({ items }) => {
          this.#listed.add(namespace);
          elections.listed(items, namespace);
          const labelled = [...pods.all()].filter(({ leads }) => leads !== undefined);
          for (const pod of labelled) this.#look(pod.namespace);
          for (const within of elections.namespaces()) this.#look(within);
        },
        written: (election) => {
          if (election) elections.written(election);
        },
        deleted: (election) => {
          if (election) elections.deleted(election);
        },
        interrupted: (failure) => {
          const error = listError(failure, { namespace }, ['list', 'watch']);
          report({ type: 'failed', what: 'follow elections', error });
        },
        resumed: () => undefined,
      },
    );
    await watch.run(signal);
  }

  #look(namespace: string): void {
    if (this.#isListed(namespace)) this.#pending.add(namespace, namespace);
  }

  #isListed(namespace: string): boolean {
    return this.#listed.has(undefined) || this.#listed.has(namespace);
  }

  async #work(signal: AbortSignal): Promise<void> {
    const label = async ([namespace = '']: readonly string[]): Promise<void> => {
      // Left over from the last time that this operator led.
      if (!this.#isListed(namespace)) return;
      if (await this.#label(namespace, signal)) this.#pending.done(namespace);
      else this.#pending.retry(namespace, namespace, signal);
    };
    await this.#pending.run(signal, (namespace) => namespace, label);
  }

  /** @returns false if something failed and is to be tried again */
  async #label(namespace: string, signal: AbortSignal): Promise<boolean> {
    const plan = this.#plan(namespace, signal);
    let isDone = true;
    for (const { pod, value } of plan.set) {
      if (!(await this.#write(pod, value, signal))) isDone = false;
    }
    const overlaps = new Map<string, number>();
    for (const { pod, value, successor } of plan.remove) {
      if (signal.aborted) return true;
      if (successor) {
        const key = `${pod.uid} ${value} ${successor.uid}`;
        const now = this.#parts.clock.now();
        const since = this.#overlaps.get(namespace)?.get(key) ?? now;
        overlaps.set(key, since);
        const removal = { pod, value, successor };
        if (now - since < MOST_OVERLAP_MS && !(await this.#isFollowed(removal, signal))) {
          const delay = Math.min(MOST_POLL_MS, Math.max(FIRST_POLL_MS, (now - since) / 4));
          this.#pending.addLater(namespace, namespace, delay, signal);
          continue;
        }
      }
      if (!(await this.#write(pod, undefined, signal))) isDone = false;
    }
    if (overlaps.size > 0) this.#overlaps.set(namespace, overlaps);
    else this.#overlaps.delete(namespace);
    return isDone;
  }

  #plan(namespace: string, signal: AbortSignal): LabelPlan {
    const { clock, pods, patterns } = this.#parts;
    const known = pods.known(namespace);
    const elections = this.#elections.within(namespace).map((election) => {
      const { name, holder, principal, vacantSince } = election;
      const left = vacantSince === undefined ? 0 : vacantSince + VACANCY_MS - clock.now();
      if (left > 0) this.#pending.addLater(namespace, namespace, left, signal);
      return {
        value: leaderLabelValue(name),
        leader: podOfLeader(holder, principal, known, patterns),
        isAwaited: left > 0,
      };
    });
    const present = known.pods.filter(({ uid }) => known.isPresent(uid));
    return planLabels(elections, present);
  }

  /** Whether those who call the leader reach the new one. */
  async #isFollowed(
    { pod, value, successor }: { pod: ObservedPod; value: string; successor: ObservedPod },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { requests, pods, report } = this.#parts;
    if (pods.find(successor.uid)?.leads?.value !== value) return false;
    const move = { value, from: pod.uid, to: successor.uid };
    const moved = await haveMoved(requests, pod.namespace, move, signal);
    if (moved.kind === 'done') return moved.body;
    if (!signal.aborted) {
      const what = `read the endpoints of the Services in namespace ${pod.namespace}`;
      report({ type: 'failed', what, error: errorOf(moved, what) });
    }
    return false;
  }

  /**
   * Sets the label, or takes it away.
   *
   * @returns false if that failed and is to be tried again
   */
  async #write(pod: ObservedPod, value: string | undefined, signal: AbortSignal): Promise<boolean> {
    const { requests, pods, report } = this.#parts;
    const { namespace, name, uid, resourceVersion } = pod;
    const written = await requests.request({
      method: 'PATCH',
      path: `/api/v1/namespaces/${namespace}/pods/${name}`,
      query: { fieldManager: LABELLER },
      body: { metadata: { uid, resourceVersion, labels: { [LEADER_LABEL]: value ?? null } } },
      contentType: 'application/merge-patch+json',
      signal,
    });
    if (written.kind === 'done') {
      const now = observedPod(written.body);
      if (now) pods.answered(now);
      const change = value === undefined ? 'removed' : 'set';
      const election = value ?? pod.leads?.value ?? '';
      report({ type: 'leader-label', change, namespace, pod: name, election });
      return true;
    }
    if (isMissing(written) || signal.aborted) return true;
    if (isConflict(written)) {
      this.#pending.addLater(namespace, namespace, CONFLICT_MS, signal);
      return true;
    }
    const what = `label Pod ${name} in namespace ${namespace}`;
    report({ type: 'failed', what, error: errorOf(written, what) });
    return false;
  }
}
