const REQUIRED = /leasehold-guard\/principal: .*\b((?:pod|user):\S+)$/;
const HELD = 'leasehold-guard/held: ';
const SETTLE = 'leasehold-guard/settle: ';

/**
 * Who this process is to the guard (`docs/security.md`): `pod:<uid>` or `user:<name>`, as the API
 * server itself tells it from the credentials. A Pod knows it from its token; anybody else learns it
 * from the guard's first refusal, so that nothing is asked where no guard is.
 */
export class Principal {
  #value: string | undefined;

  /** @param podUid - of the Pod that the token is bound to */
  constructor(podUid?: string) {
    this.#value = podUid === undefined ? undefined : `pod:${podUid}`;
  }

  get value(): string | undefined {
    return this.#value;
  }

  /** Whether the message of a refusal told something new, so that the write may be tried again. */
  learn(message: string): boolean {
    const required = REQUIRED.exec(message)?.[1];
    if (required === undefined || required === this.#value) return false;
    this.#value = required;
    return true;
  }
}

/**
 * Whether the guard refuses to delete a lock for its dead holders: a deletion has no date, so that it
 * wants to see them taken out of the record first.
 */
export function guardAsksToEmpty(message: string): boolean {
  return message.includes('leasehold-guard/delete: ');
}

/** Whether it was the guard that refused. */
export function guardRefuses(message: string): boolean {
  return message.includes('leasehold-guard/');
}

/** Whether the guard refuses until the Lease of another has expired on the server's clock. */
export function guardSaysHeld(message: string): boolean {
  return message.includes(HELD);
}

/** Whether the guard refuses as long as the session of a holder has not ended, as the server sees it. */
export function guardSaysAlive(message: string): boolean {
  return message.includes(SETTLE);
}

/** Whether the guard refuses only for now. */
export function guardSaysWait(message: string): boolean {
  return guardSaysHeld(message) || guardSaysAlive(message);
}
