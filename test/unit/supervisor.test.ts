import { existsSync, readdirSync, rmSync, symlinkSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { announcementOf, pidNamespace } from '../../src/client/announcement.ts';
import type { Announcement } from '../../src/client/announcement.ts';
import type { Cluster } from '../../src/client/cluster.ts';
import { sealed } from '../../src/client/sealed-lease.ts';
import { systemClock } from '../../src/client/system-clock.ts';
import type { Lease } from '../../src/core/lease.ts';
import { Transport } from '../../src/kube/transport.ts';
import { Announcements, isChild } from '../../src/supervisor/announcements.ts';
import { rehearse } from '../../src/supervisor/rehearsal.ts';

const access = {
  server: 'https://10.0.0.1:443',
  namespace: 'billing',
  source: 'a test',
  tls: {},
  authorization: () => undefined,
};
const clock = systemClock();
const cluster: Cluster = {
  access,
  transport: new Transport(access, clock),
  namespace: 'billing',
  clock,
  choice: { kubeconfig: '/etc/kubeconfig' },
};
const session = { name: 'a-1f9a3c21', uid: 'uid', ttl: 15 };
let announcements: Announcements;

beforeEach(() => {
  const opened = Announcements.open();
  if (!opened) throw new Error('nowhere to write');
  announcements = opened;
});

afterEach(() => {
  announcements.close();
});

function announce(): Announcement {
  const announcement = announcementOf(announcements.variables, cluster);
  if (!announcement) throw new Error('not announced');
  return announcement;
}

/** Where the announcements are. */
function directory(): string {
  return announcements.variables.LEASEHOLD_SUPERVISOR?.replace(/^\d+:/, '') ?? '';
}

describe('an announcement', () => {
  it('says who it is and how to reach the same API server', () => {
    announce();
    expect(announcements.read()).toEqual([
      {
        process: {
          pid: process.pid,
          parent: process.ppid,
          pidNamespace: pidNamespace(),
          server: 'https://10.0.0.1:443',
          kubeconfig: '/etc/kubeconfig',
          namespace: 'billing',
        },
        sessions: [],
        terms: [],
      },
    ]);
  });

  it('always says what is left to be done, in no more room than that takes', () => {
    const announcement = announce();
    announcement.sessionBegan(session);
    for (let cycle = 0; cycle < 1_000; cycle += 1) {
      announcement.attemptBegan(session.name, `1f9a3c21-${String(cycle)}`, `lock-${String(cycle)}`);
      if (cycle < 998) announcement.attemptSettled(`1f9a3c21-${String(cycle)}`);
    }
    announcement.attemptSettled('1f9a3c21-998');
    announcement.attemptBegan(session.name, '1f9a3c21-1000', 'x');
    const [announced] = announcements.read();
    expect(announced?.sessions).toMatchObject([
      { ...session, attempts: [{ lock: 'x' }, { lock: 'lock-999' }] },
    ]);
    announcement.sessionEnded(session.name);
    expect(announcements.read()[0]?.sessions).toEqual([]);
  });

  it('has one term of an election, the last that may stand in the Lease', () => {
    const announcement = announce();
    const term = { election: 'controller', identity: 'a_1', acquireTime: '1' };
    announcement.termBegan(term);
    announcement.termBegan({ ...term, acquireTime: '2' });
    announcement.termBegan({ ...term, election: 'other' });
    expect(announcements.read()[0]?.terms).toMatchObject([
      { ...term, acquireTime: '2' },
      { ...term, election: 'other' },
    ]);
    announcement.termEnded('controller', '1');
    expect(announcements.read()[0]?.terms).toHaveLength(2);
    announcement.termEnded('controller', '2');
    announcement.close();
    expect(announcements.read()[0]?.terms).toMatchObject([{ election: 'other' }]);
  });

  it('has the Lease of a hold and of a term as it was last seen, until they are over', () => {
    const announcement = announce();
    const term = { election: 'controller', identity: 'a_1', acquireTime: '1' };
    const lease = (version: number): Lease => ({
      metadata: { name: 'x', resourceVersion: String(version) },
    });
    announcement.sessionBegan(session);
    announcement.attemptBegan(session.name, '1f9a3c21-1', 'x');
    announcement.termBegan(term);
    announcement.seen('1f9a3c21-1', lease(1));
    announcement.seen('1f9a3c21-1', lease(2));
    announcement.seen('controller', lease(3));
    announcement.seen('of nobody', lease(4));
    expect(announcements.read()).toMatchObject([
      {
        sessions: [{ attempts: [{ id: '1f9a3c21-1', seen: lease(2) }] }],
        terms: [{ ...term, seen: lease(3) }],
      },
    ]);
    announcement.attemptSettled('1f9a3c21-1');
    announcement.termEnded('controller', '1');
    announcement.attemptBegan(session.name, '1f9a3c21-2', 'y');
    expect(announcements.read()[0]?.sessions[0]?.attempts[0]?.seen).toBeUndefined();
    expect(readdirSync(directory())).toHaveLength(1);
  });

  it('does not show a Lease that was written in part, or is too large to be written often', () => {
    const announcement = announce();
    const metadata = { name: 'x', annotations: { note: 'a'.repeat(10_000) } };
    announcement.sessionBegan(session);
    announcement.attemptBegan(session.name, '1f9a3c21-1', 'x');
    announcement.seen('1f9a3c21-1', { metadata });
    const [file = ''] = readdirSync(directory()).filter((name) => name.includes('.'));
    const path = join(directory(), file);
    const newer = sealed({ metadata: { ...metadata, resourceVersion: '2' } });
    writeFileSync(path, newer.slice(0, 4_096), { flag: 'r+' });
    expect(announcements.read()[0]?.sessions[0]?.attempts[0]).toMatchObject({ seen: undefined });
    metadata.annotations.note = 'a'.repeat(100_000);
    announcement.seen('1f9a3c21-1', { metadata });
    expect(existsSync(path)).toBe(false);
  });

  it('says nothing of a term that would not fit, and leaves its neighbours alone', () => {
    const announcement = announce();
    const term = { election: 'controller', identity: 'a_1', acquireTime: '1' };
    announcement.termBegan(term);
    announcement.sessionBegan(session);
    announcement.termBegan({ ...term, identity: 'a'.repeat(2_000), acquireTime: '2' });
    expect(announcements.read()).toMatchObject([{ sessions: [session], terms: [] }]);
    announcement.termEnded('controller', '2');
    announcement.termBegan(term);
    expect(announcements.read()).toMatchObject([{ sessions: [session], terms: [term] }]);
  });

  it('is taken back in the end, but for a session that could not be ended', () => {
    const [first, second] = [announce(), announce()];
    first.sessionBegan(session);
    first.close();
    second.close();
    expect(announcements.read()).toMatchObject([{ sessions: [session] }]);
  });

  it('is none without a supervisor, or when that is gone, or could not reach the server', () => {
    expect(announcementOf({}, cluster)).toBeUndefined();
    const { choice: _, ...inMemory } = cluster;
    expect(announcementOf(announcements.variables, inMemory)).toBeUndefined();
    announcements.close();
    expect(announcementOf(announcements.variables, cluster)).toBeUndefined();
  });

  it('does no harm when its supervisor goes', () => {
    const announcement = announce();
    announcements.close();
    announcement.sessionBegan(session);
    announcement.attemptBegan(session.name, '1f9a3c21-1', 'x');
    announcement.close();
  });
});

describe('the supervisor', () => {
  it('knows its child by more than a number', () => {
    announce();
    const [announced] = announcements.read();
    if (!announced) throw new Error('nothing is announced');
    const own = { ...announced.process, pid: 4_711, parent: process.pid };
    expect(isChild(own, 4_711)).toBe(true);
    expect(isChild(own, 4_712)).toBe(false);
    expect(isChild({ ...own, parent: process.ppid }, 4_711)).toBe(false);
    expect(isChild({ ...own, pidNamespace: 'pid:[1]' }, 4_711)).toBe(false);
  });

  it('is told of the first announcement', async () => {
    const first = Promise.withResolvers<number>();
    announcements.onFirst(({ pid }) => {
      first.resolve(pid);
    });
    announce();
    expect(await first.promise).toBe(process.pid);
  });

  it('is told of it beside a file that is gone when it is read', async () => {
    const first = Promise.withResolvers<number>();
    announcements.onFirst(({ pid }) => {
      first.resolve(pid);
    });
    symlinkSync('gone', join(directory(), '0-gone'));
    announce();
    expect(await first.promise).toBe(process.pid);
    expect(announcements.read()).toMatchObject([{ process: { pid: process.pid } }]);
  });

  it('goes on when its directory is removed', async () => {
    announcements.onFirst(() => undefined);
    const removed = Promise.withResolvers<unknown>();
    const watcher = watch(directory(), removed.resolve);
    rmSync(directory(), { recursive: true });
    await removed.promise;
    watcher.close();
  });

  it('leaves nothing behind', () => {
    announce();
    const left = directory();
    expect(readdirSync(left)).toHaveLength(1);
    announcements.close();
    expect(existsSync(left)).toBe(false);
  });
});

describe('a rehearsal', () => {
  it('comes to the end of what it rehearses', async () => {
    expect(await rehearse(clock)).toBe(true);
  });
});
