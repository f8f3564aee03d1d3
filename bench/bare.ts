import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, type AgentOptions, request } from 'node:https';
import { formatEntry } from '../src/core/entry.ts';
import { microTime, ROLE_LABEL } from '../src/core/lease.ts';
import type { Lease } from '../src/core/lease.ts';
import { HOLDER_PREFIX, QUEUE_PREFIX } from '../src/core/record.ts';
import { lockSpec } from '../src/core/settle.ts';

/**
 * The least that a request to the API server can cost in Node: text that is there already is sent
 * over a keep-alive connection, and the answer is read and not looked at.
 */
export class BareClient {
  readonly collection: string;
  readonly #agent: Agent;
  readonly #watches: Agent;
  readonly #token: string;

  /** With the service account of the Pod that this process believes to run in. */
  constructor() {
    const file = (name: string): string =>
      readFileSync(`/var/run/secrets/kubernetes.io/serviceaccount/${name}`, 'utf8');
    const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = process.env;
    const options: AgentOptions = { ca: file('ca.crt'), keepAlive: true, host, port: Number(port) };
    this.#agent = new Agent(options);
    this.#watches = new Agent(options);
    this.#token = file('token').trim();
    this.collection = `/apis/coordination.k8s.io/v1/namespaces/${file('namespace')}/leases`;
  }

  async send(method: string, path: string, body?: string, type = 'json'): Promise<string> {
    const response = await this.#send(this.#agent, method, path, body, type);
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise<void>((resolve) => response.on('end', resolve));
    const text = Buffer.concat(chunks).toString();
    if ((response.statusCode ?? 0) >= 300) throw new Error(`${method} ${path}: ${text}`);
    return text;
  }

  /** Resolves when the server has answered; `onChange` is called for each change from then on. */
  async watch(name: string, resourceVersion: string, onChange: () => void): Promise<void> {
    const query = `watch=true&fieldSelector=metadata.name%3D${name}&resourceVersion=${resourceVersion}`;
    const path = `${this.collection}?${query}`;
    const response = await this.#send(this.#watches, 'GET', path);
    if (response.statusCode !== 200)
      throw new Error(`watch ${name}: ${String(response.statusCode)}`);
    response.on('data', onChange);
    response.on('error', () => undefined);
  }

  close(): void {
    this.#agent.destroy();
    this.#watches.destroy();
  }

  async #send(
    agent: Agent,
    method: string,
    path: string,
    body?: string,
    type = 'json',
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const headers: Record<string, string | number> = {
        accept: 'application/json',
        authorization: `Bearer ${this.#token}`,
      };
      if (body !== undefined) {
        headers['content-type'] = `application/${type}`;
        headers['content-length'] = Buffer.byteLength(body);
      }
      const { host, port } = agent.options;
      request({ agent, host, port, method, path, headers }, resolve).on('error', reject).end(body);
    });
  }
}

/** A Lease of the size of a lock that somebody holds and, unless told, nobody waits for. */
export function lockLease(name: string, waiters = 0): Lease {
  const session = 'pod-1-1f9a3c21';
  const sessionUid = '0d6c2c9c-5a11-4a8a-9f2e-3c2f2d1b7a55';
  const since = '2026-01-01T00:00:00.000000Z';
  const entry = { session, sessionUid, ttl: 15, mode: 'exclusive', since } as const;
  const annotations: Record<string, string> = {
    [`${HOLDER_PREFIX}1f9a3c21-17`]: formatEntry(entry),
  };
  for (let waiter = 0; waiter < waiters; waiter += 1) {
    annotations[`${QUEUE_PREFIX}c01dbe77-${String(waiter)}`] = formatEntry({
      ...entry,
      seen: 81240n,
    });
  }
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, labels: { [ROLE_LABEL]: 'lock' }, annotations },
    spec: lockSpec(session, microTime(Date.now())),
  };
}
