import type { Operation, ResourceName } from './messages.ts';

/** An operation as a protected resource saw it. Times are milliseconds on the demo's own clock. */
export interface Seen extends Pick<Operation, 'resource' | 'kind' | 'fence' | 'valid'> {
  readonly at: number;
  readonly worker: string;
  readonly accepted: boolean;
  /** Whether somebody was waiting for the lock. */
  readonly contended: boolean;
}

/** One holder's time at a resource: all operations with one fencing token. */
export interface Turn {
  readonly worker: string;
  readonly fence: bigint;
  readonly from: number;
}

interface OpenTurn extends Turn {
  /** When its last write was accepted while others waited, if that was its last operation. */
  handedOverAt: number | undefined;
}

/** A holder that was stopped in the middle of its turn. */
export interface Interruption {
  readonly how: 'killed' | 'frozen';
  readonly worker: string;
  readonly resource: ResourceName;
  readonly at: number;
  /** From then until the resource heard of the next holder; undefined while it has not. */
  recoveredMs: number | undefined;
}

/** What one more operation means. */
export interface Meaning {
  /** The turn that it began. */
  readonly began: Turn | undefined;
  /** From the last write of the holder before to this, if that one released the lock in order. */
  readonly handover: { readonly from: string; readonly ms: number } | undefined;
  readonly recovered: readonly Interruption[];
}

/** What the demo comes to. */
export interface Figures {
  readonly handoversMs: readonly number[];
  readonly interruptions: readonly Interruption[];
  readonly staleRefused: number;
  /** Turns that went on, as their holders were told by the lock, when a later holder had begun. */
  readonly overlaps: number;
  readonly operations: number;
}

/**
 * What the protected resources saw, in order, and nothing else: the demo believes its locks no more than the
 * resources do.
 */
export class History {
  readonly #handoversMs: number[] = [];
  readonly #interruptions: Interruption[] = [];
  readonly #overlapping = new Set<string>();
  readonly #turns = new Map<ResourceName, OpenTurn>();
  #staleRefused = 0;
  #operations = 0;

  record(seen: Seen): Meaning {
    const { at, resource, kind, worker, fence, valid, accepted, contended } = seen;
    this.#operations += 1;
    if (!accepted) this.#staleRefused += 1;
    const turn = this.#turns.get(resource);
    if (turn && this.#isOverlap(turn, seen)) {
      this.#overlapping.add(`${resource} ${worker} ${String(fence)}`);
    }
    // Its last operation, for now.
    const handedOverAt = kind === 'write' && accepted && contended && valid ? at : undefined;
    if (turn && (fence < turn.fence || (fence === turn.fence && worker === turn.worker))) {
      if (accepted) turn.handedOverAt = handedOverAt;
      return { began: undefined, handover: undefined, recovered: [] };
    }
    const began: OpenTurn = { worker, fence, from: at, handedOverAt };
    this.#turns.set(resource, began);
    const recovered = this.#recover(seen);
    const releasedAt = recovered.length > 0 ? undefined : turn?.handedOverAt;
    if (!turn || releasedAt === undefined || turn.worker === worker) {
      return { began, handover: undefined, recovered };
    }
    const ms = at - releasedAt;
    if (resource === 'account') this.#handoversMs.push(ms);
    return { began, handover: { from: turn.worker, ms }, recovered };
  }

  /** A worker that had begun a turn at this resource was stopped. */
  interrupt(stopped: Omit<Interruption, 'recoveredMs'>): void {
    this.#interruptions.push({ ...stopped, recoveredMs: undefined });
  }

  /** Whether nobody has yet got what this worker had. */
  isOpen(worker: string): boolean {
    return this.#interruptions.some(
      (one) => one.worker === worker && one.recoveredMs === undefined,
    );
  }

  /** Whose turn it is, or was last. */
  turnAt(resource: ResourceName): Turn | undefined {
    return this.#turns.get(resource);
  }

  figures(): Figures {
    return {
      handoversMs: [...this.#handoversMs],
      interruptions: this.#interruptions.map((interruption) => ({ ...interruption })),
      staleRefused: this.#staleRefused,
      overlaps: this.#overlapping.size,
      operations: this.#operations,
    };
  }

  /** An earlier holder that was still told it holds; or two holders with one token. */
  #isOverlap(turn: Turn, { fence, valid, worker }: Seen): boolean {
    if (fence === turn.fence) return worker !== turn.worker;
    return valid && fence < turn.fence;
  }

  #recover({ at, resource, worker }: Seen): Interruption[] {
    const recovered = this.#interruptions.filter(
      (one) => one.resource === resource && one.worker !== worker && one.recoveredMs === undefined,
    );
    for (const interruption of recovered) interruption.recoveredMs = at - interruption.at;
    return recovered;
  }
}
