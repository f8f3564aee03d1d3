import { afterAll, beforeAll, describe, it } from 'vitest';
import { ApiServer } from '../../src/testing/index.ts';
import { type Cluster, startCluster } from '../cluster/server.ts';
import { compactionCases } from './cases/compaction.ts';
import { compactEtcd } from './compaction.ts';
import { compare, named } from './compare.ts';
import { Server } from './server.ts';

let cluster: Cluster;
let apiServer: ApiServer;
let real: Server;
let embedded: Server;

/**
 * The real server answers from a cache of what has happened since its start: history is gone for it
 * when it starts after the compaction. So this needs a cluster of its own.
 */
beforeAll(async () => {
  cluster = await startCluster();
  await cluster.deleteNamespace(await cluster.createNamespace());
  await cluster.killApiServer();
  await compactEtcd(cluster.connection);
  await cluster.startApiServer();
  real = Server.real(cluster);
  apiServer = await ApiServer.start();
  apiServer.compact();
  embedded = Server.embedded(apiServer);
});

afterAll(async () => {
  real.close();
  embedded.close();
  await apiServer.stop();
  await cluster.stop();
});

describe('the embedded API server answers like the real one, history being gone', () => {
  it.each(named(compactionCases))('%s', async (_, conformance) =>
    compare(conformance, real, embedded),
  );
});
