import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease } from '../../src/core/lease.ts';
import { microTime, ROLE_LABEL } from '../../src/core/lease.ts';
import { lockSpec } from '../../src/core/settle.ts';
import type { ApiServer } from '../../src/testing/index.ts';

const PATH = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const LONGEST_STALL_MS = 6_000;

/** What happens to the client meanwhile, so that all ways of coming back are gone often. */
export class Faults {
  readonly counts: Record<string, number> = {};
  readonly #server: ApiServer;
  readonly #token: string;

  /** @param token - the client's */
  constructor(server: ApiServer, token: string) {
    this.#server = server;
    this.#token = token;
  }

  async run(signal: AbortSignal): Promise<void> {
    const rest = (most: number): Promise<void> =>
      sleep(Math.random() * most, undefined, { signal }).catch(() => undefined);
    const kinds = [this.#reset, this.#reset, this.#stall, this.#revoke, this.#reset, this.#compact];
    for (let turn = 0; !signal.aborted; turn += 1) {
      await kinds[turn % kinds.length]?.();
      await rest(20_000);
    }
  }

  /** A lock whose holder has died: its session is not renewed again. */
  bury(lock: string): void {
    const session = `dead-${lock}`;
    const now = microTime(Date.now());
    const made = this.#request('POST', PATH, {
      metadata: { name: session, labels: { [ROLE_LABEL]: 'session' } },
      spec: {
        holderIdentity: 'dead',
        leaseDurationSeconds: 2,
        acquireTime: now,
        renewTime: now,
      },
    }) as Lease;
    const entry = `v=1 session=${session} uid=${made.metadata.uid ?? ''} ttl=2 mode=exclusive`;
    this.#request('POST', PATH, {
      metadata: {
        name: lock,
        labels: { [ROLE_LABEL]: 'lock' },
        annotations: { 'holder.leasehold.dev/dead-1': entry },
      },
      spec: lockSpec(session, now),
    });
  }

  readonly #reset = (): Promise<void> => {
    this.#count('connections broken');
    this.#server.interrupt({ kind: 'reset', token: this.#token })();
    return Promise.resolve();
  };

  readonly #stall = async (): Promise<void> => {
    this.#count('API server silent');
    const end = this.#server.interrupt({ kind: 'stall', token: this.#token });
    await sleep(Math.random() * LONGEST_STALL_MS);
    end();
  };

  readonly #compact = (): Promise<void> => {
    this.#count('history compacted');
    this.#server.compact();
    return Promise.resolve();
  };

  /** Blanks the sessions of the client, as somebody who takes it for dead would. */
  readonly #revoke = (): Promise<void> => {
    this.#count('session revoked');
    const { items } = this.#request(
      'GET',
      `${PATH}?labelSelector=${encodeURIComponent(`${ROLE_LABEL}=session`)}`,
    ) as { items: Lease[] };
    for (const { metadata, spec } of items) {
      if (spec?.holderIdentity !== 'soak') continue;
      const blank = { spec: { holderIdentity: '', renewTime: microTime(Date.now()) } };
      this.#request('PATCH', `${PATH}/${metadata.name}`, blank);
    }
    return Promise.resolve();
  };

  #count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  #request(method: string, url: string, body?: object): unknown {
    const answer = this.#server.handler.handle({
      method,
      url,
      headers: {
        authorization: `Bearer ${this.#server.adminToken}`,
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      },
      body: body === undefined ? '' : JSON.stringify(body),
    });
    if (answer.status >= 300) throw new Error(`${method} ${url}: ${String(answer.status)}`);
    if (!('body' in answer)) throw new Error('a watch');
    return JSON.parse(answer.body);
  }
}
