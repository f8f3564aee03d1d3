import { ApiHandler } from '../../src/testing/index.ts';
import type { ApiHandlerOptions } from '../../src/testing/index.ts';
import { VirtualTime } from '../../src/testing/virtual/time.ts';
import { seeded } from '../sim/world/random.ts';

export const LEASES = '/apis/coordination.k8s.io/v1/namespaces/default/leases';
const START = Date.UTC(2026, 0, 1);

interface ApiObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly managedFields?: readonly { manager: string; time: string }[];
  };
  readonly items?: readonly ApiObject[];
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason: string }[] };
  /** Of a TokenRequest. */
  readonly status?: { readonly token: string };
}

export interface WatchEvent {
  readonly type: string;
  readonly object: ApiObject & { readonly code?: number };
}

/** A handler in virtual time, and one who asks it. */
export class Served {
  readonly time = new VirtualTime();
  readonly handler: ApiHandler;
  token: string;

  constructor(options: Partial<ApiHandlerOptions> = {}) {
    const clock = {
      now: () => this.time.now,
      wall: () => START + this.time.now,
      schedule: (delay: number, task: () => void) => this.time.schedule(delay, task),
    };
    this.handler = new ApiHandler({ clock, random: seeded(1), tokenKey: 'key', ...options });
    this.token = this.handler.tokens.ofUser('somebody');
  }

  send(
    method: string,
    url: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): { status: number; body: ApiObject } {
    const answer = this.handler.handle({
      method,
      url,
      headers: { authorization: `Bearer ${this.token}`, 'user-agent': 'test/1', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if ('open' in answer) throw new Error('this is a watch');
    return { status: answer.status, body: JSON.parse(answer.body) as ApiObject };
  }

  create(name: string, more: object = {}): ApiObject {
    return this.send('POST', LEASES, { metadata: { name, ...more } }).body;
  }

  patch(name: string, body: object): { status: number; body: ApiObject } {
    const headers = { 'content-type': 'application/merge-patch+json' };
    return this.send('PATCH', `${LEASES}/${name}`, body, headers);
  }

  watch(
    query: string,
    collection = LEASES,
  ): { events: WatchEvent[]; ended: boolean; close(): void } {
    const answer = this.handler.handle({
      method: 'GET',
      url: `${collection}?watch=true&${query}`,
      headers: { authorization: `Bearer ${this.token}` },
    });
    if (!('open' in answer)) throw new Error(`no watch: ${answer.body}`);
    const events: WatchEvent[] = [];
    const watch = { events, ended: false, close: (): void => undefined };
    watch.close = answer.open({
      write: (line) => events.push(JSON.parse(line) as WatchEvent),
      end: () => (watch.ended = true),
    });
    return watch;
  }
}
