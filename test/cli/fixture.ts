import { beforeAll } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { Program } from './program.ts';
import type { Finished } from './program.ts';

/** A namespace of its own for the tests of one file, and the program in it. */
export interface Fixture {
  readonly cluster: ClusterAccess;
  readonly namespace: string;
  readonly environment: Readonly<Record<string, string>>;
  start(...words: readonly string[]): Program;
  run(...words: readonly string[]): Promise<Finished>;
  /** Undefined when there is none. */
  lease(name: string): Promise<Lease | undefined>;
  /** Fails when there is none. */
  mustLease(name: string): Promise<Lease>;
  deleteLease(name: string): Promise<void>;
  /** The reasons of the Events about a Lease. */
  eventsAbout(name: string): Promise<string[]>;
}

export function useFixture(): () => Fixture {
  let fixture: Fixture | undefined;
  beforeAll(async () => {
    const cluster = await sharedCluster();
    const namespace = await cluster.createNamespace();
    const environment = { KUBECONFIG: cluster.kubeconfigPath };
    const path = (name: string): string =>
      `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`;
    // The command's own words begin after `--`: options go before that.
    const start = (...words: readonly string[]): Program => {
      const [command = '', ...rest] = words;
      return Program.start([command, '-n', namespace, ...rest], environment);
    };
    fixture = {
      cluster,
      namespace,
      environment,
      start,
      run: (...words) => start(...words).finished,
      async lease(name) {
        const answer = await cluster.request<Lease>('GET', path(name));
        return answer.status === 200 ? answer.body : undefined;
      },
      async mustLease(name) {
        return cluster.client.expect<Lease>('GET', path(name));
      },
      async deleteLease(name) {
        await cluster.client.expect('DELETE', path(name));
      },
      async eventsAbout(name) {
        const { items } = await cluster.client.expect<{
          items: { involvedObject: { name: string; kind: string }; reason: string }[];
        }>('GET', `/api/v1/namespaces/${namespace}/events`);
        return items
          .filter(({ involvedObject: { kind, name: about } }) => kind === 'Lease' && about === name)
          .map(({ reason }) => reason);
      },
    };
    return async () => {
      await cluster.deleteNamespace(namespace);
      cluster.close();
    };
  });
  return () => {
    if (!fixture) throw new Error('the fixture is there from beforeAll on');
    return fixture;
  };
}
