import { describe, expect, it } from 'vitest';
import type { ScheduledRun } from '../../src/schedule/live-run.ts';
import type { OnceOptions } from '../../src/schedule/options.ts';
import type { Fault } from '../sim/world/network.ts';
import type { VirtualProcess } from '../sim/world/process.ts';
import type { ProcessOptions } from '../sim/world/process.ts';
import { must, on, rejection, sessionsIn, sleep } from './world/helpers.ts';
import { SupervisedWorld } from './world/supervised.ts';
import { World } from './world/world.ts';

const MINUTE = 60_000;
/** Virtual time begins 20 s after a full minute. */
const UNTIL_FIRST_MS = 20_000;
const EVERY_MINUTE: OnceOptions = { every: '1m', atMost: '30s' };

interface Done {
  readonly by: string;
  readonly tick: string;
  readonly at: number;
  readonly fence: bigint;
}

/** Processes with the same job, and what they have done. */
class Crew {
  readonly world = new World();
  readonly done: Done[] = [];
  readonly lives: Promise<void>[] = [];

  hire(name: string, options = EVERY_MINUTE, how: ProcessOptions = {}): VirtualProcess {
    const process = this.world.process(name, how);
    const job = process.schedules.once('report', options);
    this.lives.push(job.run((run) => this.work(name, run)));
    return process;
  }

  /** May be replaced by a test. */
  work: (by: string, run: ScheduledRun) => unknown = (by, run) => this.note(by, run);

  note(by: string, { tick, fence }: ScheduledRun): void {
    this.done.push({ by, tick: tick.toISOString().slice(11, 19), at: this.world.time.now, fence });
  }

  get ticks(): string[] {
    return this.done.map(({ tick }) => tick);
  }

  annotation(part: 'run' | 'last' | 'plan'): Record<string, unknown> | undefined {
    const text = this.world.store.peek('report')?.metadata.annotations;
    const found = text?.[`schedule.leasehold.dev/${part}`];
    return found === undefined ? undefined : (JSON.parse(found) as Record<string, unknown>);
  }
}

describe('a job of several processes', () => {
  it('is run once at each tick, by one of them', async () => {
    const crew = new Crew();
    const { time } = crew.world;
    for (const name of ['a', 'b', 'c']) crew.hire(name);
    await time.advance(UNTIL_FIRST_MS + 4 * MINUTE + 1_000);
    expect(crew.ticks).toEqual(['00:17:00', '00:18:00', '00:19:00', '00:20:00', '00:21:00']);
    const fences = crew.done.map(({ fence }) => fence);
    expect([...fences].sort((x, y) => Number(x - y))).toEqual(fences);
    expect(new Set(fences).size).toBe(5);
    expect(crew.annotation('last')).toMatchObject({
      outcome: 'done',
      tick: '2026-01-01T00:21:00.000Z',
    });
    expect(crew.annotation('run')).toBeUndefined();
  });

  it('costs one GET for each that does not run it, two PUTs for who does, and nothing between', async () => {
    const crew = new Crew();
    const { world } = crew;
    for (const name of ['a', 'b', 'c']) crew.hire(name);
    await world.time.advance(UNTIL_FIRST_MS + 10_000);
    const before = world.requests.length;
    await world.time.advance(MINUTE - 20_000);
    expect(world.requestsOn('report', before)).toEqual([]);
    await world.time.advance(20_000);
    const sent = world.requestsOn('report', before).map((request) => request.split(' ')[1]);
    expect(sent.sort()).toEqual(['get', 'get', 'get', 'replace', 'replace']);
    // Only who has run one has a session.
    expect(sessionsIn(world)).toHaveLength(new Set(crew.done.map(({ by }) => by)).size);
  });

  it('leaves no timer, watch or session behind', async () => {
    const crew = new Crew();
    const { world } = crew;
    const processes = ['a', 'b'].map((name) => crew.hire(name));
    await world.time.advance(UNTIL_FIRST_MS + MINUTE);
    for (const process of processes) await world.time.settled(process.close());
    await world.time.settled(Promise.all(crew.lives));
    expect(world.store.names()).toEqual(['report']);
    expect(processes.map(({ host }) => host.timers)).toEqual([0, 0]);
    await expect(processes[0]?.schedules.once('report', EVERY_MINUTE).run(() => 0)).rejects.toThrow(
      expect.objectContaining({ code: 'CLOSED' }),
    );
  });

  it('is run once although their clocks are off, and not before its time by that of the server', async () => {
    const crew = new Crew();
    const { world } = crew;
    crew.hire('ahead', EVERY_MINUTE, { skew: 45 * MINUTE });
    crew.hire('right');
    crew.hire('behind', EVERY_MINUTE, { skew: -45 * MINUTE });
    await world.time.advance(UNTIL_FIRST_MS + 5 * MINUTE + 1_000);
    expect(crew.ticks).toEqual([
      '00:17:00',
      '00:18:00',
      '00:19:00',
      '00:20:00',
      '00:21:00',
      '00:22:00',
    ]);
    for (const { tick, at } of crew.done) {
      const due = Date.parse(`2026-01-01T${tick}Z`) - Date.UTC(2026, 0, 1);
      expect(at - due).toBeGreaterThan(-2_100);
      expect(at - due).toBeLessThan(2_500);
    }
  });

  it('follows the clock of the server where that of the only process is wrong', async () => {
    for (const skew of [-600, 600]) {
      const crew = new Crew();
      crew.hire('only', EVERY_MINUTE, { skew: skew * MINUTE });
      await crew.world.time.advance(UNTIL_FIRST_MS + 2 * MINUTE + 3_000);
      expect(crew.ticks).toEqual(['00:17:00', '00:18:00', '00:19:00']);
    }
  });

  it('is run on time after the clocks of all were set', async () => {
    for (const set of [-20 * MINUTE, 20 * MINUTE]) {
      const crew = new Crew();
      const { world } = crew;
      const processes = ['a', 'b'].map((name) => crew.hire(name));
      await world.time.advance(UNTIL_FIRST_MS + 5_000);
      for (const { host } of processes) host.skew = set;
      await world.time.advance(2 * MINUTE);
      expect(crew.ticks).toEqual(['00:17:00', '00:18:00', '00:19:00']);
    }
  });

  it('is run by others after one has died in the midst of a run, and that tick not again', async () => {
    const crew = new Crew();
    const { world } = crew;
    const a = crew.hire('a');
    crew.work = (by, run) => {
      crew.note(by, run);
      return by === 'a' ? sleep(world, 20_000) : undefined;
    };
    await world.time.advance(UNTIL_FIRST_MS + 1_000);
    a.crash();
    crew.hire('b');
    crew.hire('c');
    await world.time.advance(2 * MINUTE);
    expect(crew.ticks).toEqual(['00:17:00', '00:18:00', '00:19:00']);
    expect(crew.annotation('last')).toMatchObject({ outcome: 'done' });
  });

  it('is run by others at the next tick if a supervisor has seen the death, however soon that is', async () => {
    const world = new SupervisedWorld();
    const often: OnceOptions = { every: '10s', atMost: '5m' };
    const ran: string[] = [];
    const note = (by: string, { tick }: ScheduledRun): void => {
      ran.push(`${by} ${tick.toISOString().slice(14, 19)}`);
    };
    void world.a.schedules.once('report', often).run((run) => {
      note('a', run);
      return new Promise(() => undefined);
    });
    await world.time.advance(11_000);
    void world
      .process('b')
      .schedules.once('report', often)
      .run((run) => note('b', run));
    await world.time.settled(world.die());
    await world.time.advance(20_000);
    expect(ran).toEqual(['a 16:50', 'b 17:00', 'b 17:10']);
  });

  it('says that the run of one that has died was lost, while the next one runs', async () => {
    const crew = new Crew();
    const { world } = crew;
    const a = crew.hire('a');
    crew.work = (by, run) => {
      crew.note(by, run);
      return sleep(world, 20_000);
    };
    await world.time.advance(UNTIL_FIRST_MS + 1_000);
    a.crash();
    crew.hire('b');
    await world.time.advance(MINUTE);
    expect(crew.annotation('last')).toMatchObject({ outcome: 'lost', process: 'a' });
    expect(crew.annotation('run')).toMatchObject({
      process: 'b',
      tick: '2026-01-01T00:18:00.000Z',
    });
  });

  it('leaves ticks out while a run goes on, and says so', async () => {
    const crew = new Crew();
    const { world } = crew;
    crew.work = async (by, run) => {
      crew.note(by, run);
      await sleep(world, 2.5 * MINUTE);
    };
    const long: OnceOptions = { every: '1m', atMost: '10m' };
    const [a, b] = [crew.hire('a', long), crew.hire('b', long)];
    await world.time.advance(UNTIL_FIRST_MS + 3 * MINUTE + 1_000);
    expect(crew.ticks).toEqual(['00:17:00', '00:20:00']);
    const missed = [a, b].flatMap((process) => process.eventsOf('tick-missed'));
    expect(new Set(missed.map(({ tick }) => tick.slice(11, 19)))).toEqual(
      new Set(['00:18:00', '00:19:00']),
    );
  });

  it('does not begin sooner than atLeast after the last one began', async () => {
    const crew = new Crew();
    const { world } = crew;
    const spaced: OnceOptions = { every: '1m', atMost: '30s', atLeast: '50s' };
    crew.hire('a', spaced);
    crew.hire('b', spaced);
    // The first tick is run half a minute late.
    const stop = world.inject((request) =>
      request.name === 'report' && world.time.now > 1_000_000 + UNTIL_FIRST_MS - 5
        ? { kind: 'lose-request', after: 1_000 }
        : undefined,
    );
    await world.time.advance(UNTIL_FIRST_MS + 30_000);
    stop();
    await world.time.advance(MINUTE + 25_000);
    expect(crew.ticks).toEqual(['00:17:00', '00:18:00']);
    const [first, second] = crew.done.map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(50_000 - 100);
  });
});

describe('missed ticks', () => {
  it('are left out', async () => {
    const crew = new Crew();
    const { world } = crew;
    const a = crew.hire('a');
    await world.time.advance(UNTIL_FIRST_MS + 1_000);
    await world.time.settled(a.close());
    await world.time.advance(10 * MINUTE);
    crew.hire('b');
    await world.time.advance(30_000);
    expect(crew.ticks).toEqual(['00:17:00']);
    await world.time.advance(30_000);
    expect(crew.ticks).toEqual(['00:17:00', '00:28:00']);
  });

  it('are caught up by the last of them, if that is wanted', async () => {
    const crew = new Crew();
    const { world } = crew;
    const last: OnceOptions = { ...EVERY_MINUTE, catchUp: 'last' };
    const a = crew.hire('a', last);
    await world.time.advance(UNTIL_FIRST_MS + 1_000);
    await world.time.settled(a.close());
    await world.time.advance(10 * MINUTE);
    crew.hire('b', last);
    crew.hire('c', last);
    await world.time.advance(5_000);
    expect(crew.ticks).toEqual(['00:17:00', '00:27:00']);
  });

  it('of a run that takes long are run when it is over', async () => {
    const crew = new Crew();
    const { world } = crew;
    crew.work = async (by, run) => {
      crew.note(by, run);
      if (crew.done.length === 1) await sleep(world, 2.5 * MINUTE);
    };
    const last: OnceOptions = { every: '1m', atMost: '10m', catchUp: 'last' };
    crew.hire('a', last);
    crew.hire('b', last);
    await world.time.advance(UNTIL_FIRST_MS + 2.5 * MINUTE + 1_000);
    expect(crew.ticks).toEqual(['00:17:00', '00:19:00']);
  });

  it('of a schedule that is new are none', async () => {
    const crew = new Crew();
    crew.hire('a', { ...EVERY_MINUTE, catchUp: 'last' });
    await crew.world.time.advance(UNTIL_FIRST_MS - 1_000);
    expect(crew.ticks).toEqual([]);
  });

  it('are those at which nobody could reach the API server for a minute', async () => {
    const crew = new Crew();
    const { world } = crew;
    const hourly: OnceOptions = { cron: '17 * * * *', atMost: '30s' };
    const a = crew.hire('a', hourly);
    await world.time.advance(UNTIL_FIRST_MS - 1_000);
    a.host.cut = true;
    await world.time.advance(2 * MINUTE);
    a.host.cut = false;
    await world.time.advance(MINUTE);
    expect(crew.ticks).toEqual([]);
    expect(a.eventsOf('tick-missed')).toMatchObject([{ reason: 'late' }]);
  });
});

describe('a process that stood still while others ran the job', () => {
  it('does not say that ticks were missed', async () => {
    const crew = new Crew();
    const { world } = crew;
    const a = crew.hire('a', { cron: '17 * * * *', atMost: '30s' });
    crew.hire('b', { cron: '17 * * * *', atMost: '30s' });
    await world.time.advance(1_000);
    a.host.pause();
    await world.time.advance(UNTIL_FIRST_MS + 2 * MINUTE);
    a.host.resume();
    await world.time.advance(5_000);
    expect(crew.done.map(({ by }) => by)).toEqual(['b']);
    expect(a.eventsOf('tick-missed')).toEqual([]);
  });
});

describe('work', () => {
  it('that throws is an outcome, and the next tick comes', async () => {
    const crew = new Crew();
    const { world } = crew;
    crew.work = (by, run) => {
      crew.note(by, run);
      throw new Error(`no paper ${'!'.repeat(2_000)}`);
    };
    const a = crew.hire('a');
    await world.time.advance(UNTIL_FIRST_MS + MINUTE + 1_000);
    expect(crew.ticks).toEqual(['00:17:00', '00:18:00']);
    const last = crew.annotation('last');
    expect(last?.outcome).toBe('failed');
    expect(last?.message).toMatch(/^no paper !+$/);
    expect(String(last?.message).length).toBe(512);
    expect(a.eventsOf('run-failed')).toHaveLength(2);
  });

  it('is told to stop after atMost, and recorded as timed out when it does', async () => {
    const crew = new Crew();
    const { world } = crew;
    crew.work = async (by, run) => {
      crew.note(by, run);
      await new Promise((resolve) => run.signal.addEventListener('abort', resolve));
      expect(run.signal.reason).toMatchObject({ code: 'TIMEOUT' });
      expect(run.valid).toBe(false);
    };
    crew.hire('a');
    await world.time.advance(UNTIL_FIRST_MS + 29_000);
    expect(crew.annotation('run')).toMatchObject({ process: 'a' });
    await world.time.advance(2_000);
    expect(crew.annotation('run')).toBeUndefined();
    expect(crew.annotation('last')).toMatchObject({ outcome: 'timed-out' });
  });

  it('that does not stop then is left to itself', async () => {
    const crew = new Crew();
    const { world } = crew;
    crew.work = (by, run) => {
      crew.note(by, run);
      return new Promise(() => undefined);
    };
    crew.hire('a');
    await world.time.advance(UNTIL_FIRST_MS + MINUTE + 1_000);
    expect(crew.ticks).toEqual(['00:17:00', '00:18:00']);
    expect(crew.annotation('last')).toMatchObject({ outcome: 'timed-out' });
  });

  it('is told when the client is closed, and its end is written down before', async () => {
    const crew = new Crew();
    const { world } = crew;
    crew.work = async (by, run) => {
      crew.note(by, run);
      await new Promise((resolve) => run.signal.addEventListener('abort', resolve));
      expect(run.signal.reason).toMatchObject({ code: 'CLOSED' });
    };
    const a = crew.hire('a');
    await world.time.advance(UNTIL_FIRST_MS + 1_000);
    await world.time.settled(a.close());
    await world.time.settled(Promise.all(crew.lives));
    expect(crew.annotation('last')).toMatchObject({ outcome: 'stopped' });
    expect(sessionsIn(world)).toEqual([]);
  });

  it('may close its own client', async () => {
    const crew = new Crew();
    const { world } = crew;
    const a: VirtualProcess = crew.hire('a');
    crew.work = () => a.close();
    await world.time.advance(UNTIL_FIRST_MS + 1_000);
    await world.time.settled(Promise.all(crew.lives), 5_000);
    expect(crew.annotation('last')).toMatchObject({ outcome: 'stopped' });
    expect(world.store.names()).toEqual(['report']);
  });

  it('of a process that stood still is not relied on any more, and another runs the next tick', async () => {
    const crew = new Crew();
    const { world } = crew;
    const runs: ScheduledRun[] = [];
    crew.work = async (by, run) => {
      crew.note(by, run);
      if (by !== 'a') return;
      runs.push(run);
      await new Promise((resolve) => run.signal.addEventListener('abort', resolve));
    };
    const a = crew.hire('a', { every: '1m', atMost: '20m' });
    await world.time.advance(UNTIL_FIRST_MS + 1_000);
    crew.hire('b');
    expect(runs[0]?.valid).toBe(true);
    a.host.pause();
    await world.time.advance(2 * MINUTE);
    expect(crew.done.filter(({ by }) => by === 'b').length).toBeGreaterThan(0);
    expect(a.host.peek(() => runs[0]?.valid)).toBe(false);
    a.host.resume();
    await world.time.advance(5_000);
    expect(runs[0]?.signal.reason).toMatchObject({ code: 'LOST' });
    const [first, second] = crew.done.map(({ fence }) => fence);
    expect(second).toBeGreaterThan(first ?? 0n);
  });
});

describe('a request whose answer is lost', () => {
  const faults: [string, Fault][] = [
    ['never arrived', { kind: 'lose-request', after: 1_000 }],
    ['was done', { kind: 'lose-answer', after: 1_000 }],
    ['is done while it is sent again', { kind: 'late', after: 1_000, lands: 1_030 }],
    ['is done long after', { kind: 'late', after: 1_000, lands: 20_000 }],
    ['failed', { kind: 'fail', status: 503, done: false }],
    ['failed after it was done', { kind: 'fail', status: 504, done: true }],
  ];

  it.each(faults)('lets the run begin once: it %s', async (_, fault) => {
    const crew = new Crew();
    const { world } = crew;
    crew.hire('a');
    world.injectOnce(on('a', 'replace', 'report'), fault);
    await world.time.advance(UNTIL_FIRST_MS + 50_000);
    expect(crew.ticks).toEqual(['00:17:00']);
    expect(crew.annotation('last')).toMatchObject({ outcome: 'done' });
    expect(crew.annotation('run')).toBeUndefined();
  });

  it.each(faults)('lets its end be written down: it %s', async (_, fault) => {
    const crew = new Crew();
    const { world } = crew;
    crew.work = (by, run) => {
      crew.note(by, run);
      world.injectOnce(on('a', 'replace', 'report'), fault);
    };
    const a = crew.hire('a');
    await world.time.advance(UNTIL_FIRST_MS + 50_000);
    expect(crew.ticks).toEqual(['00:17:00']);
    expect(crew.annotation('last')).toMatchObject({ outcome: 'done' });
    expect(crew.annotation('run')).toBeUndefined();
    await world.time.settled(a.close());
    expect(sessionsIn(world)).toEqual([]);
  });

  it('does not leave a run in the way that was given up in doubt', async () => {
    const crew = new Crew();
    const { world } = crew;
    const stopping = new AbortController();
    const a = world.process('a');
    const job = a.schedules.once('report', EVERY_MINUTE);
    const life = job.run((run) => crew.note('a', run), { signal: stopping.signal });
    await world.time.advance(UNTIL_FIRST_MS - 1_000);
    const stop = world.inject(({ process, name, verb }) => {
      if (process !== 'a' || name !== 'report' || verb === 'get') return undefined;
      stopping.abort();
      return { kind: 'late', after: 1_000, lands: 5_000 };
    });
    await world.time.settled(life);
    stop();
    crew.hire('b');
    await world.time.advance(2 * MINUTE);
    expect(crew.done.map(({ by, tick }) => `${by} ${tick}`)).toEqual(['b 00:18:00', 'b 00:19:00']);
    await world.time.settled(a.close());
    expect(a.host.timers).toBe(0);
  });
});

describe('a schedule', () => {
  it('keeps what others have put on its Lease', async () => {
    const crew = new Crew();
    const { world } = crew;
    crew.work = (by, run) => {
      crew.note(by, run);
      const lease = must(world.store.peek('report'));
      const labels = { ...lease.metadata.labels, team: 'billing' };
      world.store.replace({ ...lease, metadata: { ...lease.metadata, labels } });
    };
    crew.hire('a');
    await world.time.advance(UNTIL_FIRST_MS + MINUTE + 1_000);
    expect(crew.ticks).toHaveLength(2);
    expect(world.store.peek('report')?.metadata.labels).toMatchObject({ team: 'billing' });
    expect(crew.annotation('run')).toBeUndefined();
  });

  it('that somebody deletes is made again', async () => {
    const crew = new Crew();
    const { world } = crew;
    crew.work = (by, run) => {
      crew.note(by, run);
      if (crew.done.length === 1) world.store.removeByHand('report');
    };
    crew.hire('a');
    await world.time.advance(UNTIL_FIRST_MS + 2 * MINUTE + 1_000);
    expect(crew.ticks).toHaveLength(3);
  });

  it('is not kept from running by a run that somebody has brought back', async () => {
    const crew = new Crew();
    const { world } = crew;
    let brought = {};
    crew.work = (by, run) => {
      crew.note(by, run);
      if (crew.done.length === 1) brought = { ...world.store.peek('report')?.metadata.annotations };
    };
    const a = crew.hire('a');
    crew.hire('b');
    await world.time.advance(UNTIL_FIRST_MS + 1_000);
    const lease = must(world.store.peek('report'));
    world.store.replace({ ...lease, metadata: { ...lease.metadata, annotations: brought } });
    await world.time.advance(3 * MINUTE);
    expect(crew.ticks.length).toBeGreaterThanOrEqual(2);
    expect(a.alive).toBe(true);
  });

  it('is run on when its record names a run of a living process that does not do it any more', async () => {
    const crew = new Crew();
    const { world } = crew;
    const stopping = new AbortController();
    const a = world.process('a');
    let brought = {};
    const life = a.schedules.once('report', EVERY_MINUTE).run(
      () => {
        brought = { ...world.store.peek('report')?.metadata.annotations };
        stopping.abort();
      },
      { signal: stopping.signal },
    );
    await world.time.settled(life);
    const lease = must(world.store.peek('report'));
    world.store.replace({ ...lease, metadata: { ...lease.metadata, annotations: brought } });
    crew.hire('b');
    await world.time.advance(3 * MINUTE + 1_000);
    expect(crew.ticks).toEqual(['00:19:00', '00:20:00']);
    await world.time.settled(a.close());
  });

  it.each([
    ['a lock', { 'leasehold.dev/role': 'lock' }, {}, 'FOREIGN_LEASE'],
    ['another state', { 'leasehold.dev/role': 'state' }, {}, 'FOREIGN_LEASE'],
    [
      'one that cannot be read',
      { 'leasehold.dev/role': 'state' },
      { 'schedule.leasehold.dev/plan': '{}', 'schedule.leasehold.dev/last': 'never' },
      'UNREADABLE_RECORD',
    ],
  ])('is left alone when it is %s', async (_, labels, annotations, code) => {
    const world = new World();
    world.store.create({ metadata: { name: 'report', labels, annotations }, spec: {} });
    const job = world.process('a').schedules.once('report', EVERY_MINUTE);
    const error = await world.time.settled(rejection(job.run(() => undefined)));
    expect(error).toMatchObject({ code });
    expect(world.requestsOn('report')).toEqual(['a get']);
  });

  it('of a newer version is left to those who know it', async () => {
    const crew = new Crew();
    const { world } = crew;
    const labels = { 'leasehold.dev/role': 'state' };
    const annotations = { 'schedule.leasehold.dev/plan': '{"v":2}' };
    world.store.create({ metadata: { name: 'report', labels, annotations }, spec: {} });
    crew.hire('a');
    await world.time.advance(2 * MINUTE);
    expect(crew.ticks).toEqual([]);
  });
});

describe('a program that is started on time', () => {
  const start = (crew: Crew, name: string) => {
    const job = crew.world.process(name).schedules.once('report', EVERY_MINUTE);
    return job.tryRun((run) => {
      crew.note(name, run);
      return name;
    });
  };

  it('runs the tick that was due last, if nobody has', async () => {
    const crew = new Crew();
    const { time } = crew.world;
    const results = await time.settled(
      Promise.all(['a', 'b', 'c'].map((name) => start(crew, name))),
    );
    expect(results.filter((result) => result !== undefined)).toEqual([
      { tick: new Date('2026-01-01T00:16:00Z'), value: crew.done[0]?.by },
    ]);
    expect(crew.ticks).toEqual(['00:16:00']);
    await time.advance(MINUTE);
    expect(await time.settled(start(crew, 'd'))).toMatchObject({ value: 'd' });
  });

  it('fails as its work does', async () => {
    const { world } = new Crew();
    const job = world.process('a').schedules.once('report', EVERY_MINUTE);
    const broken = new Error('no paper');
    const failing = job.tryRun(() => {
      throw broken;
    });
    expect(await world.time.settled(rejection(failing))).toBe(broken);
    const again = job.tryRun(() => 'not run');
    expect(await world.time.settled(again)).toBeUndefined();
  });

  it('fails when its work takes too long', async () => {
    const { world } = new Crew();
    const job = world.process('a').schedules.once('report', EVERY_MINUTE);
    const running = job.tryRun(() => new Promise(() => undefined));
    expect(await world.time.settled(rejection(running))).toMatchObject({ code: 'TIMEOUT' });
  });

  it('gives up when it is told to', async () => {
    const { world } = new Crew();
    const a = world.process('a');
    a.host.cut = true;
    const stopping = new AbortController();
    const job = a.schedules.once('report', EVERY_MINUTE);
    const waiting = rejection(job.tryRun(() => undefined, { signal: stopping.signal }));
    await world.time.advance(30_000);
    stopping.abort();
    expect(await world.time.settled(waiting, 1_000)).toMatchObject({ code: 'ABORTED' });
  });
});
