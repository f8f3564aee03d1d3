import { byPriority, candidateOf, candidatesOf } from '../core/candidates.ts';
import type { Candidate } from '../core/candidates.ts';
import type { Entry } from '../core/entry.ts';
import { leaseName } from '../core/names.ts';
import { parseRecord } from '../core/record.ts';
import { isBlank, renewedAtServer, voidAttempts } from '../core/session-lease.ts';
import type { LeaseApi } from '../kube/lease-api.ts';
import { isMissing } from '../kube/outcome.ts';
import { errorOf } from '../kube/status-error.ts';

/**
 * Who stands or leads, and has said so: the best first. Sends one GET, and one for each of them.
 *
 * @param election - the name of its Lease
 * @throws LeaseholdError when it cannot be read, `FOREIGN_LEASE`
 */
export async function listCandidates(api: LeaseApi, election: string): Promise<Candidate[]> {
  const { lease } = leaseName(candidatesOf(election));
  const read = await api.get(lease);
  if (isMissing(read)) return [];
  if (read.kind !== 'done') throw errorOf(read, `read Lease ${lease}`);
  const listed = await Promise.all(
    parseRecord(read.body).holders.map(async (entry) => {
      const candidate = candidateOf(entry);
      return candidate && (await isAlive(api, entry)) ? [candidate] : [];
    }),
  );
  return listed.flat().sort(byPriority);
}

/**
 * Whether its session has been renewed within its ttl, by the server's clock. To tell people, and to
 * choose by: nobody's right depends on it.
 */
async function isAlive(api: LeaseApi, entry: Entry): Promise<boolean> {
  const read = await api.get(entry.session);
  if (isMissing(read)) return false;
  if (read.kind !== 'done') throw errorOf(read, `read session ${entry.session}`);
  const { body, serverTime } = read;
  if (body.metadata.uid !== entry.sessionUid || isBlank(body)) return false;
  if (voidAttempts(body).has(entry.id)) return false;
  const renewedAt = renewedAtServer(body);
  if (renewedAt === undefined || serverTime === undefined) return true;
  return serverTime - renewedAt <= entry.ttl * 1_000;
}
