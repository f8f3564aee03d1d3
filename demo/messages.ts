/** What the demo's processes tell each other, over the channel that Node opens to a child. */

/** Each is protected by what is named like it: the lock `account`, and the election `leader`. */
export type ResourceName = 'account' | 'leader';

/**
 * What a holder asks of a protected resource. `open` begins its turn, and `read` and `write` are the
 * two halves of a change that others must not come in between of.
 */
export interface Operation {
  readonly type: 'operation';
  readonly id: number;
  readonly resource: ResourceName;
  readonly kind: 'open' | 'read' | 'write';
  /** The fencing token of the lock or term under which it is sent. */
  readonly fence: bigint;
  /** What the library said about the lock when this was sent: for the history, the resource ignores it. */
  readonly valid: boolean;
  /** To be written. */
  readonly value: number;
}

/** The resource's answer to an operation. */
export interface Answer {
  readonly type: 'answer';
  readonly id: number;
  /** False when a higher fencing token was there before. */
  readonly accepted: boolean;
  readonly value: number;
}

/** A worker has loaded its program; or it has released the lock and pauses before it queues again. */
interface Progress {
  readonly type: 'ready' | 'rest';
}

export type FromWorker = Operation | Progress;
export type ToWorker = Answer | { readonly type: 'finish' };

/** How a worker is told what to do: by its environment variable LEASEHOLD_DEMO_WORKER. */
export interface WorkerSettings {
  readonly kubeconfig: string;
  readonly seed: number;
  readonly ttlSeconds: number;
}

/** To the caretaker: which processes to end should the demo be killed. */
export interface ToCaretaker {
  readonly type: 'started' | 'ended';
  readonly pid: number;
}

/** From the caretaker: where the demo's files go. */
export interface FromCaretaker {
  readonly directory: string;
}
