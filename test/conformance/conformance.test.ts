import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiServer } from '../../src/testing/index.ts';
import type { ClusterAccess } from '../cluster/access.ts';
import { sharedCluster } from '../cluster/shared.ts';
import type { Case } from './case.ts';
import { compactionCases } from './cases/compaction.ts';
import { cases } from './cases/index.ts';
import { compactEtcd } from './compaction.ts';
import { Server } from './server.ts';
import { normalise } from './transcript.ts';

let cluster: ClusterAccess;
let apiServer: ApiServer;
let real: Server;
let embedded: Server;

beforeAll(async () => {
  cluster = await sharedCluster();
  apiServer = await ApiServer.start();
  real = Server.real(cluster);
  embedded = Server.embedded(apiServer);
});

afterAll(async () => {
  real.close();
  embedded.close();
  await apiServer.stop();
});

/** Namespaces have the same names on both servers, as messages quote them. */
const run = randomUUID().slice(0, 8);
let count = 0;

async function compare(conformance: Case): Promise<void> {
  count += 1;
  const namespace = `conformance-${run}-${String(count)}`;
  const [expected, found] = await Promise.all([
    real.run(conformance, namespace),
    embedded.run(conformance, namespace),
  ]);
  expect(expected.map(({ status }) => status)).toEqual(conformance.answers);
  expect(normalise(found)).toEqual(normalise(expected));
}

function rows(of: readonly Case[]): (readonly [string, Case])[] {
  return of.map((conformance) => [conformance.name, conformance]);
}

describe.concurrent('the embedded API server answers like the real one', () => {
  it.each(rows(cases))('%s', async (_, conformance) => compare(conformance));
});

describe('the embedded API server answers like the real one, history being gone', () => {
  beforeAll(async () => {
    await compactEtcd(cluster.connection);
    apiServer.compact();
  });

  it.each(rows(compactionCases))('%s', async (_, conformance) => compare(conformance));
});

it('asks at least 120 questions, each of another name', () => {
  const names = [...cases, ...compactionCases].map(({ name }) => name);
  expect(names.length).toBeGreaterThanOrEqual(120);
  expect(new Set(names).size).toBe(names.length);
});
