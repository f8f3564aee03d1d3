import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterAccess } from '../cluster/access.ts';
import { sharedCluster } from '../cluster/shared.ts';
import type { Case } from './case.ts';
import { compactionCases } from './cases/compaction.ts';
import { cases } from './cases/index.ts';
import { compactEtcd } from './compaction.ts';
import { Server } from './server.ts';
import { normalise } from './transcript.ts';

let cluster: ClusterAccess;
let real: Server;

const uid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-/;

beforeAll(async () => {
  cluster = await sharedCluster();
  real = Server.real(cluster);
});

afterAll(() => {
  real.close();
});

/** Namespaces have the same names on both servers, as messages quote them. */
const run = randomUUID().slice(0, 8);
let count = 0;

async function compare(conformance: Case): Promise<void> {
  count += 1;
  const namespace = `conformance-${run}-${String(count)}`;
  const steps = await real.run(conformance, namespace);
  expect(steps.map(({ status }) => status)).toEqual(conformance.answers);
  expect(JSON.stringify(normalise(steps))).not.toMatch(uid);
}

function rows(of: readonly Case[]): (readonly [string, Case])[] {
  return of.map((conformance) => [conformance.name, conformance]);
}

describe.concurrent('what the real API server answers', () => {
  it.each(rows(cases))('%s', async (_, conformance) => compare(conformance));
});

describe('what the real API server answers when history is gone', () => {
  beforeAll(async () => {
    await compactEtcd(cluster.connection);
  });

  it.each(rows(compactionCases))('%s', async (_, conformance) => compare(conformance));
});

it('asks at least 120 questions, each of another name', () => {
  const names = [...cases, ...compactionCases].map(({ name }) => name);
  expect(names.length).toBeGreaterThanOrEqual(120);
  expect(new Set(names).size).toBe(names.length);
});
