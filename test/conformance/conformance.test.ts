import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiServer } from '../../src/testing/index.ts';
import { sharedCluster } from '../cluster/shared.ts';
import { compactionCases } from './cases/compaction.ts';
import { cases } from './cases/index.ts';
import { compare, named } from './compare.ts';
import { Server } from './server.ts';

let apiServer: ApiServer;
let real: Server;
let embedded: Server;

beforeAll(async () => {
  real = Server.real(await sharedCluster());
  apiServer = await ApiServer.start();
  embedded = Server.embedded(apiServer);
});

afterAll(async () => {
  real.close();
  embedded.close();
  await apiServer.stop();
});

describe.concurrent('the embedded API server answers like the real one', () => {
  it.each(named(cases))('%s', async (_, conformance) => compare(conformance, real, embedded));
});

it('asks at least 400 questions, each of another name', () => {
  const names = [...cases, ...compactionCases].map(({ name }) => name);
  expect(names.length).toBeGreaterThanOrEqual(400);
  expect(new Set(names).size).toBe(names.length);
});
