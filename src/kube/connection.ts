import type * as http from 'node:http';
import type { Agent as HttpAgent } from 'node:http';
import type { AgentOptions } from 'node:https';
import { Agent } from 'node:https';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';

/** How to reach and authenticate to one API server. */
export interface ClusterAccess {
  /** Such as `https://10.0.0.1:443`, possibly with a path. */
  readonly server: string;
  /** The namespace that the configuration names. */
  readonly namespace: string;
  /** Where this came from, for messages: `the service account of this Pod`, a kubeconfig's path. */
  readonly source: string;
  /** TLS settings and proxy, as they are now. */
  readonly tls: AgentOptions;
  /** Sent with every request: impersonation. */
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Makes an agent with these options; a proxy of the kubeconfig is behind it. */
  agent?(options: AgentOptions): HttpAgent;
  /**
   * The `Authorization` header, if any. Asked before each request, so it caches.
   *
   * @param refused - the last one was refused (401): read it afresh
   */
  authorization(refused: boolean): string | undefined | Promise<string | undefined>;
}

/**
 * What a connection is used for. Each has sockets of its own, so that a thousand lock requests
 * never make a heartbeat wait.
 */
export type Lane = 'requests' | 'heartbeats' | 'watches';

/** At most so many sockets per lane; each watch has one to itself. */
export const MOST_SOCKETS: Record<Lane, number> = {
  requests: 16,
  heartbeats: 4,
  watches: Number.POSITIVE_INFINITY,
};

/** API servers and load balancers drop idle connections after minutes; leave before they do. */
const IDLE_SOCKET_MS = 55_000;
const TCP_KEEP_ALIVE_MS = 15_000;

/** Not imported, as the import alone would load all of undici: 8 MiB and 15 ms. */
export const plainHttp = (): typeof http => process.getBuiltinModule('node:http');

/** The keep-alive sockets to one API server. */
export class Sockets {
  readonly #agents = new Map<Lane, HttpAgent>();
  readonly #access: ClusterAccess;
  #secureContext: SecureContext | undefined;

  constructor(access: ClusterAccess) {
    this.#access = access;
  }

  agent(lane: Lane): HttpAgent {
    let agent = this.#agents.get(lane);
    if (!agent) {
      agent = this.#create(lane);
      this.#agents.set(lane, agent);
    }
    return agent;
  }

  /** Drops idle sockets: after a time-out the others are likely to be dead too. */
  dropIdle(lane: Lane): void {
    const idle = this.#agents.get(lane)?.freeSockets ?? {};
    for (const sockets of Object.values(idle)) sockets?.forEach((socket) => socket.destroy());
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #create(lane: Lane): HttpAgent {
    const maxSockets = MOST_SOCKETS[lane];
    const options: AgentOptions & { highWaterMark?: number } = {
      ...this.#access.tls,
      // A paused watch takes one more read from the kernel, not 64 KiB of them.
      ...(lane === 'watches' ? { highWaterMark: 1 } : {}),
      keepAlive: true,
      keepAliveMsecs: TCP_KEEP_ALIVE_MS,
      maxSockets,
      maxFreeSockets: maxSockets,
      scheduling: 'lifo',
      timeout: IDLE_SOCKET_MS,
    };
    if (this.#access.agent) return this.#access.agent(options);
    if (this.#access.server.startsWith('http:')) return new (plainHttp().Agent)({ ...options });
    // Made once: each connection would parse the certificates again, and keep them.
    this.#secureContext ??= createSecureContext(this.#access.tls);
    return new Agent({ ...options, secureContext: this.#secureContext });
  }
}
