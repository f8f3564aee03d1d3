import { beforeEach, describe, expect, it } from 'vitest';
import { OperatorWorld, revocations } from './operator-world.ts';

/** Well below a ttl: whoever is granted a lock in it was not by the ttl. */
const SOON_MS = 1_000;

let world: OperatorWorld;

beforeEach(() => {
  world = new OperatorWorld();
});

describe('a session that began after the end, on a node whose clock was set back in between', () => {
  it.each([
    ['a minute', 'before the operator leads', 60_000],
    ['an hour', 'before the operator leads', 3_600_000],
    ['a minute', 'while the operator leads', 60_000],
    ['an hour', 'while the operator leads', 3_600_000],
  ])('by %s is never touched by an end that is reported %s', async (_, when, ahead) => {
    const { reports, lead } = world.operator();
    const leads = when.startsWith('while');
    if (leads) lead();
    const { holder, next } = await world.holderAndWaiter();
    world.crash(holder);
    const again = world.process(holder.name, holder.uid, 'main');
    const held = await world.time.settled(again.leasehold.lock('other').acquire());
    await world.time.advance(10);
    const finishedAt = new Date(again.host.wall() + ahead).toISOString().replace(/\.\d+Z$/, 'Z');
    await world.reportEnd(holder, { finishedAt });
    if (!leads) lead();
    await world.time.settled(next, 20_000);
    await world.time.advance(Math.max(700_000, 2 * ahead));
    expect(held.valid).toBe(true);
    expect(world.lease('other')).toBeDefined();
    const doubts = reports.filter(({ type }) => type === 'doubtful');
    expect(doubts).toMatchObject([{ why: 'end' }, { why: 'end' }]);
    expect(revocations(reports)).toEqual([]);
  });

  it('is never touched when it renews again and again, whatever the times say', async () => {
    const { requests, reports, lead } = world.operator();
    const { holder } = await world.holderAndWaiter();
    lead();
    await world.time.advance(1_500);
    const [session] = world
      .leases('session')
      .filter(({ spec }) => spec?.holderIdentity === 'holder');
    const name = session?.metadata.name ?? '';
    const send = requests.request.bind(requests);
    let renewals = 0;
    requests.request = async (request) => {
      if (request.method === 'PUT' && request.path.endsWith(name)) {
        renewals += 1;
        const renewTime = new Date(holder.host.wall() - 10 + renewals).toISOString();
        await world.patchLease(name, { spec: { renewTime: renewTime.replace('Z', '000Z') } });
      }
      return send(request);
    };
    await world.reportEnd(holder);
    await world.time.advance(SOON_MS);
    expect(renewals).toBe(2);
    expect(world.isRevoked(holder)).toBe(false);
    expect(world.lease('invoices')?.spec?.holderIdentity).toBe(name);
    expect(reports.map(({ type }) => type)).toEqual(['doubtful']);
  });
});
