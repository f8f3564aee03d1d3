import { holdersOf } from './holder.ts';
import type { KnownPods } from './holder.ts';
import type { ObservedPod } from './observed-pod.ts';

/** An election whose leader's Pod is labelled. */
export interface LabelledElection {
  /** Of the label. */
  readonly value: string;
  /** Undefined when nobody leads, or somebody whose Pod is not known. */
  readonly leader: ObservedPod | undefined;
  /** Nobody leads yet, but somebody may at any moment: until then whoever led goes on serving. */
  readonly isAwaited?: boolean;
}

interface Removal {
  readonly pod: ObservedPod;
  readonly value: string;
  /** The Pod that is labelled in its place: until it can be reached, this one goes on serving. */
  readonly successor: ObservedPod | undefined;
}

/** What is to be written so that leaders are labelled, and nobody else. */
export interface LabelPlan {
  readonly set: readonly { readonly pod: ObservedPod; readonly value: string }[];
  readonly remove: readonly Removal[];
}

/**
 * Compares the labels of a namespace's Pods with who leads. A Pod that leads several elections is
 * labelled for one: that which it has, or else the first by name. Labels of elections that are not
 * among these are left alone unless the operator has written them.
 */
export function planLabels(
  elections: readonly LabelledElection[],
  pods: readonly ObservedPod[],
): LabelPlan {
  const due = new Map<string, string>();
  for (const { value, leader } of elections.toSorted((a, b) => (a.value < b.value ? -1 : 1))) {
    if (!leader) continue;
    if (leader.leads?.value === value || !due.has(leader.uid)) due.set(leader.uid, value);
  }
  const set: { pod: ObservedPod; value: string }[] = [];
  const remove: Removal[] = [];
  for (const pod of pods) {
    const value = due.get(pod.uid);
    const label = pod.leads;
    if (value !== undefined) {
      if (label?.value !== value) set.push({ pod, value });
    } else if (label) {
      const election = elections.find((one) => one.value === label.value);
      if (election ? election.isAwaited : !label.isOurs) continue;
      const leader = election?.leader;
      const successor = leader && due.get(leader.uid) === label.value ? leader : undefined;
      remove.push({ pod, value: label.value, successor });
    }
  }
  return { set, remove };
}

/**
 * The Pod of a leader.
 *
 * @param principal - whom the Lease names as its holder; a word on it where several Pods may be meant
 */
export function podOfLeader(
  identity: string,
  principal: string | undefined,
  known: KnownPods,
  patterns: readonly RegExp[],
): ObservedPod | undefined {
  const { candidates } = holdersOf(identity, known, patterns);
  const present = candidates.filter(({ uid }) => known.isPresent(uid));
  const named = present.find(({ uid }) => principal === `pod:${uid}`);
  return named ?? (present.length === 1 ? present[0] : undefined);
}
