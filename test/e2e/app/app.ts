/**
 * The example application: what it does is told by its argument, and what it sees by lines of JSON.
 *
 *   lead   stands for election, and leads until it is told to stop
 *   hold   takes the lock that is named in the environment, and keeps it until it is lost
 *   turns  takes a lock ten times, and leads between
 *   serve  stands for an election whose leader a Service reaches, and serves on for a while when told to end
 *   load   asks the URL in the environment a hundred times a second until it is told to end
 */
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { connect } from 'leasehold';

const INTERVAL_MS = 10;

function tell(event: string, more: object = {}): void {
  const { pid, ppid } = process;
  const line = { at: Date.now(), event, pid, ppid, ...more };
  process.stdout.write(
    `${JSON.stringify(line, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))}\n`,
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

const leasehold = await connect({
  ttl: process.env.TTL ?? '15s',
  releaseOnSigterm: true,
  onEvent: ({ type, ...more }) => tell(type, more),
});
// Ready, for the kubelet: a rolling update must not end the old ones before the new ones can lead.
// In a Pod this is its name.
createServer((_, response) => response.end(hostname())).listen(8080);
tell('connected');

async function lead(): Promise<void> {
  await leasehold.election('leader').run(async ({ signal, fence }) => {
    tell('leads', { fence });
    await aborted(signal);
    tell('led', { fence });
  });
}

async function serve(): Promise<void> {
  // The endpoints move to the next leader meanwhile, on a slow machine too.
  process.once('SIGTERM', () => setTimeout(() => process.exit(0), 20_000));
  await leasehold.election('web', { leaderLabel: true }).run(async ({ signal, fence }) => {
    tell('leads', { fence });
    await aborted(signal);
    tell('led', { fence });
  });
}

async function load(): Promise<void> {
  const url = process.env.URL ?? '';
  const ending = new AbortController();
  process.once('SIGTERM', () => ending.abort());
  const counts = { requests: 0, failed: 0, failedTwice: 0, slowestMs: 0 };
  let answered = new Set<string>();
  const ask = async (): Promise<boolean> => {
    const askedAt = performance.now();
    try {
      const headers = { connection: 'close' };
      const answer = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) });
      const pod = await answer.text();
      counts.slowestMs = Math.max(counts.slowestMs, Math.round(performance.now() - askedAt));
      if (answer.ok) answered.add(pod);
      return answer.ok;
    } catch {
      return false;
    }
  };
  const askTwice = async (): Promise<void> => {
    counts.requests += 1;
    if (await ask()) return;
    counts.failed += 1;
    // What a client is taken to do that tries again: once, after a quarter of a second.
    await new Promise((resolve) => setTimeout(resolve, 250));
    if (!(await ask())) counts.failedTwice += 1;
  };
  tell('loads');
  const telling = setInterval(() => {
    tell('answered', { by: [...answered] });
    answered = new Set();
  }, 1_000);
  const asking: Promise<void>[] = [];
  const begunAt = performance.now();
  while (!ending.signal.aborted) {
    asking.push(askTwice());
    // The pace, by the clock: whatever has become of the earlier ones, and however late this one is.
    const wait = begunAt + asking.length * INTERVAL_MS - performance.now();
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, wait)));
  }
  const perSecond = Math.round((1_000 * asking.length) / (performance.now() - begunAt));
  await Promise.all(asking);
  clearInterval(telling);
  tell('loaded', { ...counts, perSecond });
  // Time for this line to be read before the container goes.
  setTimeout(() => process.exit(0), 5_000);
}

async function hold(): Promise<void> {
  const held = await leasehold.lock(process.env.LOCK ?? 'work').acquire();
  const { fence } = held;
  tell('holds', { fence });
  // The time is read first: what is valid afterwards was valid then.
  const saying = setInterval(
    () => tell('still', { at: Date.now(), fence, valid: held.valid }),
    1_000,
  );
  await aborted(held.signal);
  clearInterval(saying);
  tell('held', { fence, valid: held.valid });
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) {
    await leasehold.lock('work').run(({ fence }) => {
      tell('holds', { fence });
      tell('held', { fence });
    });
  }
  tell('done');
  await lead();
}

const work = { lead, hold, turns, serve, load }[process.argv[2] ?? ''];
if (!work) throw new Error('say what to do: lead, hold, turns, serve or load');
await work();
// The server goes on, whatever has become of the work: a container that ends would be started again.
