import type { KnownPods } from './holder.ts';
import { withReports } from './observed-pod.ts';
import type { ObservedPod } from './observed-pod.ts';

/** So many Pods that are gone are remembered, of each kind: whoever becomes the leader may need their proof. */
const MOST_DEPARTED = 1_000;
/** Of so many more whose processes may live, the names: a Lease that one of them may hold is left alone. */
const MOST_NAMES = 10_000;

/** What a Pod was and what it is; undefined for one that was not there, or is gone. */
type PodListener = (before: ObservedPod | undefined, after: ObservedPod | undefined) => void;

/** The Pods as a watch tells them. */
export class PodIndex {
  readonly #pods = new Map<string, ObservedPod>();
  readonly #departed = new Map<string, ObservedPod>();
  /** Those that are gone, and not all of whose containers are known to have ended: their processes may live. */
  readonly #vanished = new Map<string, ObservedPod>();
  /** The first of each name among those that there were too many of, without its containers. */
  readonly #names = new Map<string, ObservedPod>();
  readonly #listeners = new Set<(pod: ObservedPod) => void>();
  readonly #watchers = new Set<PodListener>();

  /** Told whenever the end of another container of a Pod is known. */
  onEnd(listener: (pod: ObservedPod) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Told of every change. */
  subscribe(listener: PodListener): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  get size(): number {
    return this.#pods.size;
  }

  /** Whether there is a Pod of this uid. */
  has(uid: string): boolean {
    return this.#pods.has(uid);
  }

  /** As it is, or as it was last. */
  find(uid: string): ObservedPod | undefined {
    return this.#pods.get(uid) ?? this.#departed.get(uid) ?? this.#vanished.get(uid);
  }

  /** Those that are there. */
  all(): Iterable<ObservedPod> {
    return this.#pods.values();
  }

  /** The namespaces of Pods of which the end of a container is known. */
  namespacesOfEnded(): Set<string> {
    const pods = [...this.#pods.values(), ...this.#departed.values(), ...this.#vanished.values()];
    const ended = pods.filter((pod) => endsOf(pod).size > 0);
    return new Set(ended.map(({ namespace }) => namespace));
  }

  /**
   * What is known for telling whose an identity is.
   *
   * @param listed - the Pods of the namespace as they were just read, if a watch may be behind
   */
  known(namespace: string, listed?: readonly ObservedPod[]): KnownPods {
    const isWithin = (pod: ObservedPod): boolean => pod.namespace === namespace;
    const watched = [...this.#pods.values()];
    const present = listed
      ? listed.map((pod) => withReports(pod, this.find(pod.uid), false))
      : watched.filter(isWithin);
    const uids = new Set(present.map(({ uid }) => uid));
    const departed = [this.#departed, this.#vanished, this.#names].flatMap((pods) => [
      ...pods.values(),
    ]);
    const gone = [...watched, ...departed].filter((pod) => isWithin(pod) && !uids.has(pod.uid));
    return {
      pods: [...present, ...gone],
      elsewhere: watched.filter((pod) => !isWithin(pod)),
      isPresent: (uid) => uids.has(uid),
      nodes: new Set([...watched, ...present].map(({ node }) => node)),
    };
  }

  /** For people, and rarely: looks at all of them. */
  named(namespace: string, name: string): ObservedPod | undefined {
    for (const pod of this.#pods.values()) {
      if (pod.name === name && pod.namespace === namespace) return pod;
    }
    return undefined;
  }

  /** Takes in all Pods of the namespace, or of all: what is not among them is gone. */
  listed(pods: readonly (ObservedPod | undefined)[], namespace: string | undefined): void {
    const present = new Set<string>();
    for (const pod of pods) {
      if (!pod) continue;
      present.add(pod.uid);
      this.#take(pod, false);
    }
    for (const pod of this.#pods.values()) {
      const isListed = namespace === undefined || pod.namespace === namespace;
      if (isListed && !present.has(pod.uid)) this.deleted(pod);
    }
  }

  /** As a watch tells it, one state after the other. */
  written(pod: ObservedPod): void {
    this.#take(pod, true);
  }

  #take(now: ObservedPod, isHeard: boolean): void {
    const before = this.#pods.get(now.uid);
    const pod = withReports(now, before, isHeard);
    this.#pods.set(pod.uid, pod);
    for (const listener of this.#watchers) listener(before, pod);
    this.#tellIfEnded(endsOf(before), pod);
  }

  /** The answer to a write; it may come later than what the watch has told since. */
  answered(pod: ObservedPod): void {
    const known = this.#pods.get(pod.uid);
    if (known && Number(known.resourceVersion) < Number(pod.resourceVersion))
      this.#take(pod, false);
  }

  /** @param last - in the last state that it had, which may be the first to tell of an end */
  deleted(last: ObservedPod): void {
    const known = this.#pods.get(last.uid);
    const pod = withReports(last, known, false);
    const before = endsOf(known);
    if (this.#pods.delete(pod.uid)) {
      for (const listener of this.#watchers) listener(known, undefined);
    }
    if (!mayLive(pod)) remember(this.#departed, pod.uid, pod, MOST_DEPARTED);
    // One that was never on a node has never run.
    else if (pod.node !== '') this.#vanish(pod);
    this.#tellIfEnded(before, pod);
  }

  #vanish(pod: ObservedPod): void {
    const oldest = remember(this.#vanished, pod.uid, pod, MOST_DEPARTED);
    if (!oldest) return;
    const key = [oldest.namespace, oldest.name, oldest.hostname].join('/');
    // The first was there before all others of its name: whatever they may hold, it may.
    if (this.#names.has(key)) return;
    remember(this.#names, key, { ...oldest, containers: [] }, MOST_NAMES);
  }

  #tellIfEnded(before: ReadonlySet<string>, pod: ObservedPod): void {
    for (const end of endsOf(pod)) {
      if (before.has(end)) continue;
      for (const listener of this.#listeners) listener(pod);
      return;
    }
  }
}

/** @returns the oldest, which is forgotten for it */
function remember(
  gone: Map<string, ObservedPod>,
  key: string,
  pod: ObservedPod,
  most: number,
): ObservedPod | undefined {
  gone.set(key, pod);
  if (gone.size <= most) return undefined;
  const [[oldestKey, oldest] = ['', undefined]] = gone;
  gone.delete(oldestKey);
  return oldest;
}

/** A container that ends and begins again tells of its end, too, while it runs. */
function mayLive(pod: ObservedPod): boolean {
  const isRunning = pod.containers.some(({ isInit, mayRun }) => !isInit && mayRun);
  return isRunning || endsOf(pod).size === 0;
}

function endsOf(pod: ObservedPod | undefined): ReadonlySet<string> {
  const ends = new Set<string>();
  for (const { terminations } of pod?.containers ?? []) {
    for (const { containerID } of terminations) ends.add(containerID);
  }
  return ends;
}
