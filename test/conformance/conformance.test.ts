/**
 * What the comparison leaves out, beside what two servers cannot have in common (`transcript.ts`: uids,
 * versions but for their order, times but for their format, generated suffixes, continue tokens):
 *
 * - of a Pod all but its name and metadata, node, images, and phase (`cases/pods.ts`), as the real
 *   server defaults and admits the rest;
 * - of a Namespace its conditions and who manages which field (`cases/namespaces.ts`);
 * - the addresses of a Service (`cases/others.ts`);
 * - the document that `Invalid value: ...` quotes when a patch has made something invalid;
 * - bookmarks, but for those that end the initial events, and one case about the last of a watch;
 * - reads that are old: `seenByCache` (`objects.ts`) lets the real server's cache catch up before each
 *   read with `resourceVersion=0`, and the embedded server never answers an old one.
 */
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
