import { installOperator } from '../test/e2e/operator.ts';
import type { Line } from '../test/e2e/story.ts';
import type { World } from '../test/e2e/world.ts';
import { alone, clientGo, peer, supervised, ttlMilliseconds } from './contender.ts';
import type { Contender, Server } from './contender.ts';
import { hostProcess } from './host-process.ts';
import { KubeletReports } from './kubelet-reports.ts';
import { peerDeath } from './peers/death.ts';
import type { PeerServer } from './peers/peer-server.ts';
import type { Figure } from './report.ts';
import { median, quantile } from './statistics.ts';
import { Succession } from './succession.ts';
import type { Passing } from './succession.ts';

/**
 * A process killed under `leasehold run`, and in turns the holder of PostgreSQL's advisory lock: a
 * process of this host, and one in a Pod.
 *
 * @param host - its address for Pods
 */
export async function supervisedDeaths(
  world: World,
  postgres: PeerServer,
  host: string,
  deaths: number,
): Promise<Figure[]> {
  if (deaths === 0) return [];
  const kinds = [peer(world, 'postgres', { host, port: postgres.port }), supervised(world)];
  const processes: number[] = [];
  const inPods: number[] = [];
  const ours: number[] = [];
  for (let death = 0; death < deaths; death += 1) {
    const name = `death-${String(death)}`;
    processes.push(await peerDeath(postgres, 'postgres-worker.ts', name));
    const [theirs, own] = await among(world, kinds, name, (all) => inTurns(world, all));
    inPods.push(tookOf(theirs));
    ours.push(tookOf(own));
  }
  const ratios = (peers: readonly number[], name: string, who: string): Figure[] => [
    {
      name: `${name}MedianRatio`,
      value: median(ours) / median(peers),
      atMost: 3,
      meaning: `processMs over ${who}`,
    },
    {
      name: `${name}P99Ratio`,
      value: quantile(ours, 0.99) / quantile(peers, 0.99),
      atMost: 10,
      meaning: 'the same of their slowest hundredth',
    },
  ];
  return [
    { name: 'postgresMs', value: median(processes), meaning: `processes, ${spread(processes)}` },
    { name: 'postgresPodMs', value: median(inPods), meaning: `in Pods, ${spread(inPods)}` },
    {
      name: 'processMs',
      value: median(ours),
      meaning: `leasehold, a process under leasehold run in its Pod, ${spread(ours)}`,
    },
    ...ratios(processes, 'host', 'postgresMs'),
    ...ratios(inPods, 'pod', 'postgresPodMs'),
  ];
}

/** What has to wait for a time to pass: nobody tells of the death but the silence. */
export async function slowDeaths(world: World, redis: Server, deaths: number): Promise<Figure[]> {
  if (deaths === 0) return [];
  const kinds = [alone(world), await clientGo(world), peer(world, 'redlock', redis)];
  const rounds: Passing[][] = [];
  for (let death = 0; death < deaths; death += 1) {
    const kill = (all: readonly Succession[]): Promise<Passing[]> =>
      Promise.all(all.map((one) => one.next((holder) => killHolder(world, holder))));
    rounds.push(await among(world, kinds, `slow-${String(death)}`, kill));
  }
  const figure = (name: string, kind: number, who: string): Figure => {
    const times = rounds.map((round) => tookOf(round[kind]));
    return { name, value: median(times), meaning: `${who}, ${each(times)}` };
  };
  const ttl = `ttl ${String(ttlMilliseconds)}`;
  return [
    figure('aloneMs', 0, `leasehold without supervisor and operator, ${ttl}`),
    figure('clientGoMs', 1, `client-go, ${ttl}`),
    figure('redlockMs', 2, `redlock, extended every third of its ${ttl}`),
  ];
}

/** A container killed without supervisor, which the operator reclaims; and the same of client-go's Lease. */
export async function reclaimedDeaths(world: World, deaths: number): Promise<Figure[]> {
  if (deaths === 0) return [];
  const kinds = [alone(world), await clientGo(world)];
  await installOperator(world);
  const kubelet = await KubeletReports.of(world);
  const ours: Reclaim[] = [];
  const theirs: Reclaim[] = [];
  for (let death = 0; death < deaths; death += 1) {
    await among(world, kinds, `end-${String(death)}`, async ([own, other]) => {
      if (!own || !other) throw new Error('two kinds are needed');
      // First, as the sessions of the others have to be older.
      await optIn(world, other.lock);
      theirs.push(await reclaim(world, kubelet, other));
      ours.push(await reclaim(world, kubelet, own));
    });
  }
  kubelet.stop();
  return [
    ...figuresOf('container', 'leasehold', ours),
    ...figuresOf('clientGoReclaim', 'client-go', theirs),
  ];
}

interface Reclaim extends Passing {
  /** When the kubelet's report of the death had arrived at a watch. */
  readonly reportedAt: number;
}

async function reclaim(world: World, kubelet: KubeletReports, one: Succession): Promise<Reclaim> {
  const { pod } = await one.holder();
  await world.untilSessionsAreOld(pod);
  const report = kubelet.ofDeath(pod);
  const passing = await one.next((holder) => killHolder(world, holder));
  return { ...passing, reportedAt: await report.at };
}

function figuresOf(name: string, who: string, deaths: readonly Reclaim[]): Figure[] {
  const all = deaths.map(tookOf);
  const kubelet = deaths.map(({ killedAt, reportedAt }) => reportedAt - killedAt);
  const rest = deaths.map(({ reportedAt, grantedAt }) => grantedAt - reportedAt);
  const again = deaths.filter(({ isSamePod }) => isSamePod).length;
  const whose = again > 0 ? `, ${String(again)} of them in the container that began again` : '';
  return [
    {
      name: `${name}Ms`,
      value: median(all),
      meaning: `${who}, its container killed, by the operator, ${spread(all)}${whose}`,
    },
    {
      name: `${name}ReportMs`,
      value: median(kubelet),
      meaning: `of it until the kubelet's report had come, ${spread(kubelet)}`,
    },
    { name: `${name}RestMs`, value: median(rest), meaning: `of it the rest, ${spread(rest)}` },
  ];
}

/** Lets the operator release a Lease of another library. */
async function optIn(world: World, lease: string): Promise<void> {
  const path = `${world.path('/apis/coordination.k8s.io/v1', 'leases')}/${lease}`;
  const labels = { 'leasehold.dev/reclaim': 'enabled' };
  const contentType = 'application/merge-patch+json';
  await world.client.expect('PATCH', path, { metadata: { labels } }, { contentType });
}

/** They begin together, as Pods take their time for it. */
async function among<Result>(
  world: World,
  kinds: readonly Contender[],
  prefix: string,
  work: (successions: readonly Succession[]) => Promise<Result>,
): Promise<Result> {
  const all = await Promise.all(kinds.map((kind) => Succession.begin(world, kind, prefix)));
  try {
    return await work(all);
  } finally {
    await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
  }
}

async function inTurns(world: World, successions: readonly Succession[]): Promise<Passing[]> {
  const passings: Passing[] = [];
  for (const one of successions) {
    passings.push(await one.next((holder) => killHolder(world, holder)));
  }
  return passings;
}

/** As the processes of the peers are killed, and says when. */
async function killHolder(world: World, { pod, pid }: Line): Promise<number> {
  const { status } = await world.pod(pod);
  const host = hostProcess(status.containerStatuses?.[0]?.containerID ?? '', pid);
  const killedAt = Date.now();
  process.kill(host, 'SIGKILL');
  return killedAt;
}

function tookOf(passing: Passing | undefined): number {
  return passing ? passing.grantedAt - passing.killedAt : Number.NaN;
}

function spread(times: readonly number[]): string {
  return `median of ${String(times.length)}, p99 ${quantile(times, 0.99).toFixed(0)}`;
}

function each(times: readonly number[]): string {
  return times.map((time) => time.toFixed(0)).join(', ');
}
